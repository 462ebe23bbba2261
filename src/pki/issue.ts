import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

import { KnestError } from '../errors.ts';
import { certificateOfKey, firstCertificate } from './bundle.ts';
import type { Lifetimes, PkiPlan, PlannedCertificate } from './types.ts';

/** PEM texts by file name, "ca.crt", "ca.key", "sa.pub", ..., and secrets of the spec by theirs (spec/secrets.ts). */
export type KeyMaterial = ReadonlyMap<string, string>;

const days = 24 * 60 * 60;

/** Of clusters that were made before the spec had a word on it: ten years, and new ones a month before these end. */
const unspoken: Lifetimes = { certificates: 3652 * days, authorities: 3652 * days, renewBefore: 30 * days };

export function lifetimesOf({ lifetimes = unspoken }: PkiPlan): Lifetimes {
  return lifetimes;
}

export interface IssueOptions {
  /** Certificates are issued anew although they last. */
  all?: boolean;
}

/**
 * Makes what the plan names and `existing` lacks; what exists is kept as long as it fits together and says what the plan
 * says: a knest that was killed may have left a key without its certificate, or certificates of an authority that is
 * lost; with DHCP a machine may have got another address; and certificates end. Authorities are never made anew for that.
 * A key whose certificate was good stays: programs that read the two files one after the other always find a pair.
 */
export async function issuePki(
  plan: PkiPlan,
  existing: KeyMaterial,
  now: Date,
  { all = false }: IssueOptions = {},
): Promise<KeyMaterial> {
  // loaded here: it takes longer to load than to make the certificates, and only creating needs it
  const x509 = await import('./x509.ts');
  const { generateKeyPair, issueAuthority, issueCertificate, issueForKey, openAuthority } = x509;
  const lifetimes = lifetimesOf(plan);
  const term = { now, seconds: lifetimes.certificates };
  const material = new Map(existing);
  await Promise.all([
    ...plan.authorities
      .filter(({ name }) => !isSound(existing, name, name))
      .map(async (authority) => {
        const issued = await issueAuthority(authority, { now, seconds: lifetimes.authorities });
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
  const isFine = (one: PlannedCertificate): boolean =>
    isSound(material, one.name, one.authority) &&
    !needsRenewal(material.get(`${one.name}.crt`) ?? '', now, lifetimes.renewBefore) &&
    isAsPlanned(material, one) &&
    x509.isFor(material.get(`${one.name}.crt`) ?? '', one);
  const due = plan.certificates.filter((one) => all || !isFine(one));
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
      const key = isSound(material, certificate.name, certificate.authority)
        ? material.get(`${certificate.name}.key`)
        : undefined;
      const issued =
        key === undefined
          ? await issueCertificate(certificate, authority, term)
          : issueForKey(certificate, key, authority, term);
      material.set(`${certificate.name}.crt`, issued.certificate);
      material.set(`${certificate.name}.key`, issued.key);
    }),
  );
  return material;
}

/** Of several certificates that which belongs to the key: while authorities are exchanged, others are trusted beside it. */
function ownOf(material: KeyMaterial, name: string): string {
  const [text, key] = [material.get(`${name}.crt`) ?? '', material.get(`${name}.key`)];
  return key === undefined ? text : (certificateOfKey(text, key) ?? text);
}

/** The certificate of an authority that signs, PEM. @throws KnestError when the cluster has no such authority */
export function signingCertificate(material: KeyMaterial, name: string): string {
  requireMaterial(material, `${name}.crt`);
  return firstCertificate(ownOf(material, name));
}

/** Whether there is a certificate that belongs to its key and was signed by the authority. */
function isSound(material: KeyMaterial, name: string, authority: string): boolean {
  try {
    const certificate = new X509Certificate(ownOf(material, name));
    const issuer = new X509Certificate(ownOf(material, authority));
    return (
      certificate.checkPrivateKey(createPrivateKey(material.get(`${name}.key`) ?? '')) &&
      certificate.verify(issuer.publicKey)
    );
  } catch {
    return false; // missing, or not PEM
  }
}

/**
 * Whether a certificate ends so soon, or has ended, that it is to be issued anew.
 * @param pem PEM text
 * @param renewBefore seconds
 */
export function needsRenewal(pem: string, now: Date, renewBefore = unspoken.renewBefore): boolean {
  return secondsLeft(pem, now) < renewBefore;
}

/** Of a certificate; less than nothing when it has ended. @param pem PEM text */
export function secondsLeft(pem: string, now: Date): number {
  return (Date.parse(new X509Certificate(pem).validTo) - now.getTime()) / 1000;
}

/** Whether a sound certificate is good for all names and addresses that the plan gives it. */
function isAsPlanned(material: KeyMaterial, { name, dnsNames, ipAddresses }: PlannedCertificate): boolean {
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
    // of several the first: the others are only trusted
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
