/** Several certificates in one PEM text: who is trusted while an authority is exchanged for another. */

import { createPrivateKey, X509Certificate } from 'node:crypto';

const opening = '-----BEGIN CERTIFICATE-----';

/** Each of them, as PEM, in order. */
export function splitBundle(pem: string): string[] {
  const [, ...parts] = pem.split(opening);
  return parts.map((part) => `${opening}${part.trimEnd()}\n`);
}

/** The first one as PEM: of an authority's it is the one that signs, the others are only trusted. */
export function firstCertificate(pem: string): string {
  return splitBundle(pem)[0] ?? pem;
}

/** @throws Error for what is no certificate */
export function certificatesIn(pem: string): X509Certificate[] {
  return splitBundle(pem).map((one) => new X509Certificate(one));
}

/** The one that belongs to a key. @returns PEM; undefined: none of them does */
export function certificateOfKey(bundle: string, key: string): string | undefined {
  const privateKey = createPrivateKey(key);
  return splitBundle(bundle).find((one) => new X509Certificate(one).checkPrivateKey(privateKey));
}
