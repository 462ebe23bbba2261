import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Credentials } from '../../clients/https.ts';

/** Files, PEM. */
export interface CredentialFiles {
  authority: string;
  certificate: string;
  key: string;
}

/** Milliseconds between two looks at the files. */
const usualInterval = 10_000;

/**
 * What files hold, also when they are written anew while the program runs: certificates are renewed. Whoever asks gets the
 * same object as long as nothing has changed; certificate and key that do not fit, in the middle of a change, are left for
 * the next look.
 * @throws Error when a file cannot be read now; later the last ones count
 */
export function followCredentials(
  files: CredentialFiles,
  { interval = usualInterval }: { interval?: number } = {},
): Promise<() => Credentials> {
  return Promise.resolve().then(() => {
    let known = read(files);
    let looked = performance.now();
    return () => {
      if (performance.now() - looked < interval) return known;
      looked = performance.now();
      try {
        const fresh = read(files);
        const isSame = fresh.ca === known.ca && fresh.cert === known.cert && fresh.key === known.key;
        if (!isSame && isPair(fresh)) known = fresh;
      } catch {
        // cannot be read at this moment
      }
      return known;
    };
  });
}

/** At once: three small files, and callers are in the middle of a request. */
function read({ authority, certificate, key }: CredentialFiles): Credentials {
  const text = (path: string): string => readFileSync(path, 'utf8');
  return { ca: text(authority), cert: text(certificate), key: text(key) };
}

function isPair({ cert, key }: Credentials): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}
