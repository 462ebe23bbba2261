import type { KeyMaterial } from '../../pki/issue.ts';
import { secretsOf } from '../../spec/secrets.ts';
import type { ClusterSpec } from '../../spec/types.ts';

/** Shorter lines of a key, and shorter passwords, are found in too many texts that have nothing to do with them. */
const shortest = 4;

/**
 * Takes out of texts what nobody else may have: the cluster's keys and passwords, by their values however they are
 * encoded, and whatever looks like a private key or a token. What workloads print of their own cannot be known.
 */
export function redactor(
  spec: Pick<ClusterSpec, 'registries' | 'proxy' | 'rootPassword'>,
  material: KeyMaterial,
): (text: string) => string {
  const keys = [...material].filter(([file]) => file.endsWith('.key')).map(([, pem]) => pem);
  const passwords = [
    ...[...secretsOf(spec).values()].flatMap((value) => [value, value.replaceAll(/\\(["\\])/g, '$1')]),
    ...(spec.rootPassword === undefined ? [] : [spec.rootPassword]),
  ];
  const values = [
    ...keys.flatMap((pem) => [base64(pem), ...linesOf(pem)]),
    ...passwords.flatMap((value) => [value, base64(value), encodeURIComponent(value)]),
  ];
  const known = [...new Set(values)]
    .filter((value) => value.length >= shortest)
    // a value may be a part of another one
    .sort((a, b) => b.length - a.length);
  return (text) => {
    const withoutPatterns = patterns.reduce(
      (rest, [pattern, instead]) => rest.replaceAll(pattern, instead),
      text,
    );
    return known.reduce((rest, value) => rest.replaceAll(value, '<secret>'), withoutPatterns);
  };
}

const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/g, '<private key>'],
  // JSON Web Tokens: of service accounts
  [/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g, '<token>'],
  [/\b(Bearer|Basic) +[\w+/=.~-]{16,}/g, '$1 <secret>'],
  // bootstrap tokens
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, '<token>'],
  [/((?:client-key|token|password)(?:-data)?["']?: *["']?)[^\s"',}]{8,}/gi, '$1<secret>'],
];

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Its secret lines, each in a text that was cut in pieces. */
function linesOf(pem: string): string[] {
  return pem.split('\n').filter((line) => line.length >= 32 && !line.startsWith('-----'));
}
