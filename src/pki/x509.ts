/** X.509 certificates (RFC 5280): node:crypto makes keys, signs and reads certificates, but writes none. */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generateKeys,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

import ipaddr from 'ipaddr.js';

import { certificateOfKey } from './bundle.ts';
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

/** When a certificate begins to count, and for how long. */
export interface Term {
  now: Date;
  seconds: number;
}

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
export async function issueAuthority(plan: PlannedAuthority, term: Term): Promise<Issued> {
  const keys = await generateEcKeys();
  const name = nameOf([[oid.commonName, plan.commonName]]);
  const certificate = signCertificate(
    {
      issuer: name,
      subject: name,
      publicKeyInfo: publicKeyInfo(keys.publicKey),
      begins: begin(term),
      ends: end(term),
    },
    [
      extension(oid.basicConstraints, der.sequence(der.boolean(true)), 'critical'),
      extension(oid.keyUsage, keyUsageBits(keyUsage.authority), 'critical'),
      extension(oid.subjectKeyIdentifier, der.octetString(identifierOf(keys.publicKey))),
    ],
    keys.privateKey,
  );
  return { certificate, key: pemOf(keys.privateKey) };
}

/**
 * @param certificate of a bundle, the one that belongs to the key counts: the others are only trusted
 * @throws an Error for texts that are no PEM
 */
export function openAuthority({ certificate, key }: Issued): Authority {
  const opened = new X509Certificate(certificateOfKey(certificate, key) ?? certificate);
  return {
    name: subjectOf(opened.raw),
    keyIdentifier: identifierOf(opened.publicKey),
    key: createPrivateKey(key),
  };
}

/** A certificate signed by an authority made before, for a key made now. */
export async function issueCertificate(
  plan: PlannedCertificate,
  authority: Authority,
  term: Term,
): Promise<Issued> {
  const { publicKey, privateKey } = await generateEcKeys();
  return { certificate: certify(plan, publicKey, authority, term), key: pemOf(privateKey) };
}

/**
 * The same for a key that is there: file and key then fit at every moment, also when knest or the machine dies between
 * writing the two.
 * @param key PEM
 */
export function issueForKey(plan: PlannedCertificate, key: string, authority: Authority, term: Term): Issued {
  const publicKey = createPublicKey(createPrivateKey(key));
  return { certificate: certify(plan, publicKey, authority, term), key };
}

function certify(plan: PlannedCertificate, publicKey: KeyObject, authority: Authority, term: Term): string {
  const usages = plan.usages.map((usage) =>
    der.objectIdentifier({ server: oid.serverAuth, client: oid.clientAuth }[usage]),
  );
  const names = [
    ...plan.dnsNames.map((name) => der.tagged(2, new TextEncoder().encode(name))),
    ...plan.ipAddresses.map((address) => der.tagged(7, Uint8Array.from(ipaddr.parse(address).toByteArray()))),
  ];
  return signCertificate(
    {
      issuer: authority.name,
      subject: plannedSubject(plan),
      publicKeyInfo: publicKeyInfo(publicKey),
      begins: begin(term),
      ends: end(term),
    },
    [
      extension(oid.basicConstraints, der.sequence(), 'critical'),
      extension(oid.keyUsage, keyUsageBits(keyUsage.leaf), 'critical'),
      extension(oid.extKeyUsage, der.sequence(...usages)),
      issuedBy(authority),
      ...(names.length > 0 ? [extension(oid.subjectAltName, der.sequence(...names))] : []),
    ],
    authority.key,
  );
}

/** Kubernetes reads groups from O and the user name from CN. */
function plannedSubject({ organizations, commonName }: PlannedCertificate): Der {
  return nameOf([
    ...organizations.map((organization) => [oid.organization, organization] as const),
    [oid.commonName, commonName],
  ]);
}

/** Whether a certificate is for whom the plan says. @param certificate PEM */
export function isFor(certificate: string, plan: PlannedCertificate): boolean {
  const present = subjectOf(new X509Certificate(certificate).raw);
  return Buffer.from(plannedSubject(plan)).equals(Buffer.from(present));
}

/**
 * A certificate once more, for another term: the same key, subject, names and usages, whatever these are; so whoever renews
 * need not know what a certificate is for, and cannot give it more than it has.
 * @param certificate PEM, of version 3
 * @returns PEM
 */
export function renewCertificate(certificate: string, authority: Authority, term: Term): string {
  const fields = fieldsOf(new X509Certificate(certificate).raw);
  const [extensions = der.sequence()] = der.membersOf(fields.extensions);
  const identifier = Buffer.from(der.objectIdentifier(oid.authorityKeyIdentifier));
  const kept = der
    .membersOf(extensions)
    .map((one) => (identifier.equals(der.membersOf(one)[0] ?? Buffer.of()) ? issuedBy(authority) : one));
  return signCertificate(
    {
      issuer: authority.name,
      subject: fields.subject,
      publicKeyInfo: fields.publicKeyInfo,
      begins: begin(term),
      ends: end(term),
    },
    kept,
    authority.key,
  );
}

function issuedBy({ keyIdentifier }: Authority): Der {
  return extension(oid.authorityKeyIdentifier, der.sequence(der.tagged(0, keyIdentifier)));
}

/**
 * A request (PKCS #10, RFC 2986) for a certificate like one that is there: its subject and key, and the proof that who asks
 * has the key. Names and usages are those of the present certificate, which goes with it.
 * @param certificate PEM
 * @param key PEM
 * @returns PEM
 */
export function renewalRequest(certificate: string, key: string): string {
  const { subject, publicKeyInfo: keyInfo } = fieldsOf(new X509Certificate(certificate).raw);
  const toSign = der.sequence(der.integer(Uint8Array.of(0)), subject, keyInfo, der.wrapped(0, Buffer.of()));
  const signature = sign('sha256', toSign, createPrivateKey(key));
  return armoured(
    'CERTIFICATE REQUEST',
    der.sequence(toSign, der.sequence(der.objectIdentifier(oid.ecdsaWithSha256)), der.bitString(signature)),
  );
}

/**
 * Whether a request is for the key and the subject of a certificate, and was made by who has the key.
 * @param request PEM
 * @param certificate PEM
 * @throws an Error for what is no request
 */
export function asksForTheSame(request: string, certificate: string): boolean {
  const opened = new X509Certificate(certificate);
  const present = fieldsOf(opened.raw);
  const [toSign, , signature] = der.membersOf(unarmoured('CERTIFICATE REQUEST', request));
  if (!toSign || !signature) throw new Error('not a certificate request');
  const [, subject = toSign, keyInfo = toSign] = der.membersOf(toSign);
  // the first octet says how many bits of the last are not used: none
  const octets = der.contentOctets(signature).subarray(1);
  return (
    Buffer.from(present.subject).equals(subject) &&
    Buffer.from(present.publicKeyInfo).equals(keyInfo) &&
    verify('sha256', toSign, opened.publicKey, octets)
  );
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
  publicKeyInfo: Der;
  begins: Date;
  ends: Date;
}

/** Certificate and TBSCertificate (RFC 5280, 4.1), as PEM. */
function signCertificate(
  { issuer, subject, publicKeyInfo: keyInfo, begins, ends }: Signed,
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
    der.sequence(der.time(begins), der.time(ends)),
    subject,
    keyInfo,
    der.wrapped(3, der.sequence(...extensions)),
  );
  const signature = der.bitString(sign('sha256', toSign, signingKey));
  return armoured('CERTIFICATE', der.sequence(toSign, algorithm, signature));
}

/** PEM (RFC 7468). */
function armoured(label: string, content: Der): string {
  const lines = Buffer.from(content)
    .toString('base64')
    .match(/.{1,64}/g);
  return `${[`-----BEGIN ${label}-----`, ...(lines ?? []), `-----END ${label}-----`].join('\n')}\n`;
}

function unarmoured(label: string, text: string): Der {
  const [, content] = text.split(`-----BEGIN ${label}-----`);
  const [base64, after] = content?.split(`-----END ${label}-----`) ?? [];
  if (base64 === undefined || after === undefined) throw new Error(`no ${label} in PEM`);
  return Buffer.from(base64, 'base64');
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

function subjectOf(certificate: Der): Der {
  return fieldsOf(certificate).subject;
}

/** Fields of a certificate of version 3, by their places (RFC 5280, 4.1). */
function fieldsOf(certificate: Der): { subject: Der; publicKeyInfo: Der; extensions: Der } {
  const [toSign = certificate] = der.membersOf(certificate);
  const fields = der.membersOf(toSign);
  const [subject, keyInfo, extensions] = [fields[5], fields[6], fields.at(-1)];
  if (!subject || !keyInfo || extensions?.[0] !== 0xa3) throw new Error('not a certificate of version 3');
  return { subject, publicKeyInfo: keyInfo, extensions };
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

/** Five minutes ago, for clocks that differ. */
function begin({ now }: Term): Date {
  return new Date(now.getTime() - 5 * 60_000);
}

function end({ now, seconds }: Term): Date {
  return new Date(now.getTime() + seconds * 1000);
}

/** Random and positive (RFC 5280, 4.1.2.2). */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return bytes;
}
