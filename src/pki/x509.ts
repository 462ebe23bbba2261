/** X.509 certificates (RFC 5280): node:crypto makes keys, signs and reads certificates, but writes none. */

import {
  createHash,
  createPrivateKey,
  generateKeyPair as generateKeys,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

import ipaddr from 'ipaddr.js';

import * as der from './der.ts';
import type { Der } from './der.ts';
import type { PlannedAuthority, PlannedCertificate } from './types.ts';

/** A certificate with its private key, both PEM. */
export interface Issued {
  certificate: string;
  key: string;
}

/** An authority, ready to sign. */
export interface Authority {
  name: Der;
  /** SHA-1 of its public key: tells authorities of one name apart (RFC 5280, 4.2.1.2). */
  keyIdentifier: Uint8Array;
  key: KeyObject;
}

/** Clusters outlive the habit of renewing certificates every year; `knest status` shows when they end. */
const validYears = 10;

/** Object identifiers: names (RFC 5280, appendix A.1), extensions (4.2.1), the signature (RFC 5758, 3.2). */
const oid = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** Bits of KeyUsage, from the left (RFC 5280, 4.2.1.3), with how many bits of the byte are not used. */
const keyUsage = {
  /** digitalSignature */
  leaf: { bits: 0b1000_0000, unused: 7 },
  /** digitalSignature, keyCertSign, cRLSign */
  authority: { bits: 0b1000_0110, unused: 1 },
} as const;

/** A self-signed authority. */
export async function issueAuthority(plan: PlannedAuthority, now: Date): Promise<Issued> {
  const keys = await generateEcKeys();
  const name = nameOf([[oid.commonName, plan.commonName]]);
  const certificate = signCertificate(
    { issuer: name, subject: name, publicKey: keys.publicKey, now },
    [
      extension(oid.basicConstraints, der.sequence(der.boolean(true)), 'critical'),
      extension(oid.keyUsage, keyUsageBits(keyUsage.authority), 'critical'),
      extension(oid.subjectKeyIdentifier, der.octetString(identifierOf(keys.publicKey))),
    ],
    keys.privateKey,
  );
  return { certificate, key: pemOf(keys.privateKey) };
}

/** @throws an Error for texts that are no PEM */
export function openAuthority({ certificate, key }: Issued): Authority {
  const opened = new X509Certificate(certificate);
  return {
    name: subjectOf(opened.raw),
    keyIdentifier: identifierOf(opened.publicKey),
    key: createPrivateKey(key),
  };
}

/** A certificate signed by an authority made before. */
export async function issueCertificate(
  plan: PlannedCertificate,
  authority: Authority,
  now: Date,
): Promise<Issued> {
  const keys = await generateEcKeys();
  const usages = plan.usages.map((usage) =>
    der.objectIdentifier({ server: oid.serverAuth, client: oid.clientAuth }[usage]),
  );
  const names = [
    ...plan.dnsNames.map((name) => der.tagged(2, new TextEncoder().encode(name))),
    ...plan.ipAddresses.map((address) => der.tagged(7, Uint8Array.from(ipaddr.parse(address).toByteArray()))),
  ];
  // Kubernetes reads groups from O and the user name from CN
  const subject = nameOf([
    ...plan.organizations.map((organization) => [oid.organization, organization] as const),
    [oid.commonName, plan.commonName],
  ]);
  const certificate = signCertificate(
    { issuer: authority.name, subject, publicKey: keys.publicKey, now },
    [
      extension(oid.basicConstraints, der.sequence(), 'critical'),
      extension(oid.keyUsage, keyUsageBits(keyUsage.leaf), 'critical'),
      extension(oid.extKeyUsage, der.sequence(...usages)),
      extension(oid.authorityKeyIdentifier, der.sequence(der.tagged(0, authority.keyIdentifier))),
      ...(names.length > 0 ? [extension(oid.subjectAltName, der.sequence(...names))] : []),
    ],
    authority.key,
  );
  return { certificate, key: pemOf(keys.privateKey) };
}

/** A key pair without certificate, as PEM. */
export async function generateKeyPair(): Promise<{ publicKey: string; key: string }> {
  const keys = await generateEcKeys();
  return {
    publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    key: pemOf(keys.privateKey),
  };
}

/** P-256: what every Kubernetes component and browser takes, and made in a millisecond where RSA takes a second. */
function generateEcKeys(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return promisify(generateKeys)('ec', { namedCurve: 'P-256' });
}

/** What a certificate says, beside its extensions. */
interface Signed {
  issuer: Der;
  subject: Der;
  publicKey: KeyObject;
  now: Date;
}

/** Certificate and TBSCertificate (RFC 5280, 4.1), as PEM. */
function signCertificate(
  { issuer, subject, publicKey, now }: Signed,
  extensions: readonly Der[],
  signingKey: KeyObject,
): string {
  const algorithm = der.sequence(der.objectIdentifier(oid.ecdsaWithSha256));
  const toSign = der.sequence(
    // version 3
    der.wrapped(0, der.integer(Uint8Array.of(2))),
    der.integer(serialNumber()),
    algorithm,
    issuer,
    validity(now),
    subject,
    publicKeyInfo(publicKey),
    der.wrapped(3, der.sequence(...extensions)),
  );
  const certificate = der.sequence(toSign, algorithm, der.bitString(sign('sha256', toSign, signingKey)));
  const lines = Buffer.from(certificate)
    .toString('base64')
    .match(/.{1,64}/g);
  return `${['-----BEGIN CERTIFICATE-----', ...(lines ?? []), '-----END CERTIFICATE-----'].join('\n')}\n`;
}

function nameOf(attributes: readonly (readonly [type: string, text: string])[]): Der {
  return der.sequence(
    ...attributes.map(([type, text]) => der.setOf(der.sequence(der.objectIdentifier(type), der.text(text)))),
  );
}

function extension(id: string, content: Der, critical?: 'critical'): Der {
  return der.sequence(
    der.objectIdentifier(id),
    ...(critical === undefined ? [] : [der.boolean(true)]),
    der.octetString(content),
  );
}

function keyUsageBits({ bits, unused }: { bits: number; unused: number }): Der {
  return der.bitString(Uint8Array.of(bits), unused);
}

/** The subject of a certificate: the sixth field in version 3, which every authority has. */
function subjectOf(certificate: Der): Der {
  const [toSign = certificate] = der.membersOf(certificate);
  const subject = der.membersOf(toSign)[5];
  if (subject === undefined) throw new Error('not a certificate of version 3');
  return subject;
}

/** SubjectPublicKeyInfo (RFC 5280, 4.1). */
function publicKeyInfo(key: KeyObject): Der {
  return key.export({ type: 'spki', format: 'der' });
}

/** Of the key's bits alone, without what says which kind of key they are. */
function identifierOf(key: KeyObject): Uint8Array {
  const [, bits] = der.membersOf(publicKeyInfo(key));
  if (bits === undefined) throw new Error('not a public key');
  // the first octet says how many bits of the last are not used: none
  return createHash('sha1').update(der.contentOctets(bits).subarray(1)).digest();
}

function pemOf(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Starts five minutes ago, for clocks that differ. */
function validity(now: Date): Der {
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + validYears);
  return der.sequence(der.time(new Date(now.getTime() - 5 * 60_000)), der.time(notAfter));
}

/** Random and positive (RFC 5280, 4.1.2.2). */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return bytes;
}
