import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

import { KnestError } from '../errors.ts';
import type { PkiPlan, PlannedCertificate } from '../plan/types.ts';

/** PEM texts by file name, "ca.crt", "ca.key", "sa.pub", ..., and secrets of the spec by theirs (spec/secrets.ts). */
export type KeyMaterial = ReadonlyMap<string, string>;

/**
 * Makes what the plan names and `existing` lacks; what exists is kept as long as it fits together and says what the plan
 * says: a knest that was killed may have left a key without its certificate, or certificates of an authority that is
 * lost; and with DHCP a machine may have got another address.
 */
export async function issuePki(plan: PkiPlan, existing: KeyMaterial, now: Date): Promise<KeyMaterial> {
  // loaded here: it takes longer to load than to make the certificates, and only creating needs it
  const { generateKeyPair, issueAuthority, issueCertificate } = await import('./x509.ts');
  const material = new Map(existing);
  await Promise.all([
    ...plan.authorities
      .filter(({ name }) => !isSound(existing, name, name))
      .map(async (authority) => {
        const issued = await issueAuthority(authority, now);
        material.set(`${authority.name}.crt`, issued.certificate);
        material.set(`${authority.name}.key`, issued.key);
      }),
    ...plan.keyPairs
      .filter((name) => !isKeyPair(existing, name))
      .map(async (name) => {
        const pair = await generateKeyPair();
        material.set(`${name}.pub`, pair.publicKey);
        material.set(`${name}.key`, pair.key);
      }),
  ]);
  await Promise.all(
    plan.certificates
      // `material`: the authority may have been made just now
      .filter((one) => !isSound(material, one.name, one.authority) || !isForAll(material, one))
      .map(async (certificate) => {
        const authority = {
          certificate: requireMaterial(material, `${certificate.authority}.crt`),
          key: requireMaterial(material, `${certificate.authority}.key`),
        };
        const issued = await issueCertificate(certificate, authority, now);
        material.set(`${certificate.name}.crt`, issued.certificate);
        material.set(`${certificate.name}.key`, issued.key);
      }),
  );
  return material;
}

/** Whether there is a certificate that belongs to its key and was signed by the authority. */
function isSound(material: KeyMaterial, name: string, authority: string): boolean {
  try {
    const certificate = new X509Certificate(material.get(`${name}.crt`) ?? '');
    const issuer = new X509Certificate(material.get(`${authority}.crt`) ?? '');
    return (
      certificate.checkPrivateKey(createPrivateKey(material.get(`${name}.key`) ?? '')) &&
      certificate.verify(issuer.publicKey)
    );
  } catch {
    return false; // missing, or not PEM
  }
}

/** Whether a sound certificate is good for all names and addresses that the plan gives it. */
function isForAll(material: KeyMaterial, { name, dnsNames, ipAddresses }: PlannedCertificate): boolean {
  const certificate = new X509Certificate(material.get(`${name}.crt`) ?? '');
  // as text: to checkHost() "*.example.org" is no name
  const names = new Set(certificate.subjectAltName?.split(', '));
  return (
    dnsNames.every((one) => names.has(`DNS:${one}`)) &&
    ipAddresses.every((one) => certificate.checkIP(one) !== undefined)
  );
}

function isKeyPair(material: KeyMaterial, name: string): boolean {
  try {
    const published = createPublicKey(material.get(`${name}.pub`) ?? '');
    return createPublicKey(material.get(`${name}.key`) ?? '').equals(published);
  } catch {
    return false;
  }
}

/** @throws KnestError when the cluster's key material lacks a file that the plan names */
export function requireMaterial(material: KeyMaterial, file: string): string {
  const text = material.get(file);
  if (text === undefined)
    throw new KnestError(`the cluster has no key material called ${file}`, { code: 'RECORD_DAMAGED' });
  return text;
}
