import type { KeyMaterial } from '../../pki/issue.ts';
import { secretsOf } from '../../spec/secrets.ts';
import type { ManifestsFile } from '../../agent/contract.ts';
import { isMapping } from '../../formats/mapping.ts';
import { manifestsFile } from '../../plan/components/user-manifests.ts';
import type { ClusterPlan, PlannedFile } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';

/** Shorter lines of a key, and shorter passwords, are found in too many texts that have nothing to do with them. */
const shortest = 4;

/**
 * Takes out of texts what nobody else may have: the cluster's keys and passwords, those of Secrets in its manifests, by their values however
 * they are encoded, and whatever looks like a private key or a token. What workloads print of their own cannot be known.
 */
export function redactor(
  spec: Pick<ClusterSpec, 'registries' | 'proxy' | 'rootPassword' | 'manifests'>,
  material: KeyMaterial,
): (text: string) => string {
  const keys = [...material].filter(([file]) => file.endsWith('.key')).map(([, pem]) => pem);
  const passwords = [
    ...[...secretsOf(spec).values()].flatMap((value) => [value, value.replaceAll(/\\(["\\])/g, '$1')]),
    ...(spec.rootPassword === undefined ? [] : [spec.rootPassword]),
    ...secretValues((spec.manifests ?? []).flatMap(({ objects = [] }) => objects)),
  ];
  const values = [
    ...keys.flatMap((pem) => [base64(pem), ...linesOf(pem)]),
    ...passwords.flatMap((value) => [value, asJson(value), base64(value), encodeURIComponent(value)]),
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

/** As it is within a JSON text: of more than one line, say. */
function asJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** What Secrets among objects, and in lists of them, hold. */
function secretValues(objects: readonly unknown[]): string[] {
  return objects.filter(isMapping).flatMap((object) => {
    const { kind, items, data, stringData } = object;
    const inside = Array.isArray(items) ? secretValues(items) : [];
    if (kind !== 'Secret') return inside;
    const encoded = isMapping(data)
      ? texts(data).map((value) => Buffer.from(value, 'base64').toString())
      : [];
    const plain = isMapping(stringData) ? texts(stringData) : [];
    return [...encoded, ...plain];
  });
}

function texts(values: Readonly<Record<string, unknown>>): string[] {
  return Object.values(values).filter((value) => typeof value === 'string');
}

/** A plan whose manifests have Secrets with names of what they hold, and not with that. */
export function withoutSecretData(plan: ClusterPlan): ClusterPlan {
  const redacted = (file: PlannedFile): PlannedFile => {
    if (file.path !== manifestsFile || !('text' in file.content)) return file;
    const content = JSON.parse(file.content.text) as ManifestsFile;
    const objects = content.objects.map(withoutData);
    return { ...file, content: { text: `${JSON.stringify({ ...content, objects }, undefined, 2)}\n` } };
  };
  const machines = plan.machines.map((machine) => ({ ...machine, files: machine.files.map(redacted) }));
  return { ...plan, machines };
}

function withoutData(object: unknown): unknown {
  if (!isMapping(object)) return object;
  const { kind, items, metadata } = object;
  const list = Array.isArray(items) ? { items: items.map(withoutData) } : {};
  if (kind !== 'Secret') return { ...object, ...list };
  const emptied = (values: unknown): unknown =>
    isMapping(values) ? Object.fromEntries(Object.keys(values).map((key) => [key, '<secret>'])) : values;
  // kubectl keeps the whole object there
  const { annotations, ...others } = isMapping(metadata) ? metadata : {};
  return {
    ...object,
    metadata: { ...others, ...(isMapping(annotations) ? { annotations: emptied(annotations) } : {}) },
    ...('data' in object ? { data: emptied(object['data']) } : {}),
    ...('stringData' in object ? { stringData: emptied(object['stringData']) } : {}),
  };
}
