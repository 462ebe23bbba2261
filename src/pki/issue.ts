import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

import { KnestError } from '../errors.ts';
import type { PkiPlan, PlannedCertificate } from './types.ts';

/** PEM texts by file name, "ca.crt", "ca.key", "sa.pub", ..., and secrets of the spec by theirs (spec/secrets.ts). */
export type KeyMaterial = ReadonlyMap<string, string>;

/**
 * Makes what the plan names and `existing` lacks; what exists is kept as long as it fits together and says what the plan
 * says: a knest that was killed may have left a key without its certificate, or certificates of an authority that is
 * lost; with DHCP a machine may have got another address; and certificates end. Authorities are never made anew for that.
 */
export async function issuePki(plan: PkiPlan, existing: KeyMaterial, now: Date): Promise<KeyMaterial> {
  // loaded here: it takes longer to load than to make the certificates, and only creating needs it
  const { generateKeyPair, issueAuthority, issueCertificate, openAuthority } = await import('./x509.ts');
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
  // `material`: the authority may have been made just now
  const due = plan.certificates.filter(
    (one) => !isSound(material, one.name, one.authority) || !isAsPlanned(material, one, now),
  );
  const authorities = new Map(
    [...new Set(due.map(({ authority }) => authority))].map((name) => [
      name,
      openAuthority({
        certificate: requireMaterial(material, `${name}.crt`),
        key: requireMaterial(material, `${name}.key`),
      }),
    ]),
  );
  await Promise.all(
    due.map(async (certificate) => {
      const authority = authorities.get(certificate.authority);
      if (authority === undefined) throw new Error(`no authority ${certificate.authority}`);
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

/** Before a certificate ends it is issued anew for this many days. */
const renewalDays = 30;

/** Whether a certificate ends so soon, or has ended, that it is to be issued anew. @param pem PEM text */
export function needsRenewal(pem: string, now: Date): boolean {
  const ends = new Date(new X509Certificate(pem).validTo);
  return ends.getTime() - now.getTime() < renewalDays * 24 * 60 * 60_000;
}

/** Whether a sound certificate lasts, and is good for all names and addresses that the plan gives it. */
function isAsPlanned(
  material: KeyMaterial,
  { name, dnsNames, ipAddresses }: PlannedCertificate,
  now: Date,
): boolean {
  if (needsRenewal(material.get(`${name}.crt`) ?? '', now)) return false;
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
