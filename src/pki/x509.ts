/**
 * X.509 certificates (RFC 5280). Only the schema half of @peculiar's library: @peculiar/x509 itself parses again whatever
 * it has just made, and to load and run it took longer than all else that a create computes.
 */

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

import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';

import type { PlannedAuthority, PlannedCertificate } from './types.ts';

/** A certificate with its private key, both PEM. */
export interface Issued {
  certificate: string;
  key: string;
}

/** An authority, ready to sign. */
export interface Authority {
  name: asn1.Name;
  /** SHA-1 of its public key: tells authorities of one name apart (RFC 5280, 4.2.1.2). */
  keyIdentifier: ArrayBuffer;
  key: KeyObject;
}

/** Clusters outlive the habit of renewing certificates every year; `knest status` shows when they end. */
const validYears = 10;

/** ecdsa-with-SHA256 (RFC 5758, 3.2). */
const signatureAlgorithm = new asn1.AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' });

/** Attributes of names (RFC 5280, appendix A.1). */
const commonNameId = '2.5.4.3';
const organizationId = '2.5.4.10';

/** A self-signed authority. */
export async function issueAuthority(plan: PlannedAuthority, now: Date): Promise<Issued> {
  const keys = await generateEcKeys();
  const publicKey = publicKeyInfo(keys.publicKey);
  const usages =
    asn1.KeyUsageFlags.keyCertSign | asn1.KeyUsageFlags.cRLSign | asn1.KeyUsageFlags.digitalSignature;
  const name = nameOf([[commonNameId, plan.commonName]]);
  const certificate = signCertificate(
    { issuer: name, subject: name, publicKey, now },
    [
      extension(asn1.id_ce_basicConstraints, new asn1.BasicConstraints({ cA: true }), true),
      extension(asn1.id_ce_keyUsage, new asn1.KeyUsage(usages), true),
      extension(asn1.id_ce_subjectKeyIdentifier, new asn1.SubjectKeyIdentifier(identifierOf(publicKey))),
    ],
    keys.privateKey,
  );
  return { certificate, key: pemOf(keys.privateKey) };
}

/** @throws an Error for texts that are no PEM */
export function openAuthority({ certificate, key }: Issued): Authority {
  const { tbsCertificate } = AsnConvert.parse(new X509Certificate(certificate).raw, asn1.Certificate);
  return {
    name: tbsCertificate.subject,
    keyIdentifier: identifierOf(tbsCertificate.subjectPublicKeyInfo),
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
  const names = [
    ...plan.dnsNames.map((dNSName) => new asn1.GeneralName({ dNSName })),
    ...plan.ipAddresses.map((iPAddress) => new asn1.GeneralName({ iPAddress })),
  ];
  const usages = { server: asn1.id_kp_serverAuth, client: asn1.id_kp_clientAuth };
  // Kubernetes reads groups from O and the user name from CN
  const subject = nameOf([
    ...plan.organizations.map((organization) => [organizationId, organization] as const),
    [commonNameId, plan.commonName],
  ]);
  const issuerKey = new asn1.AuthorityKeyIdentifier({
    keyIdentifier: new asn1.KeyIdentifier(authority.keyIdentifier),
  });
  const certificate = signCertificate(
    { issuer: authority.name, subject, publicKey: publicKeyInfo(keys.publicKey), now },
    [
      extension(asn1.id_ce_basicConstraints, new asn1.BasicConstraints(), true),
      extension(asn1.id_ce_keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.digitalSignature), true),
      extension(asn1.id_ce_extKeyUsage, new asn1.ExtendedKeyUsage(plan.usages.map((usage) => usages[usage]))),
      extension(asn1.id_ce_authorityKeyIdentifier, issuerKey),
      ...(names.length > 0
        ? [extension(asn1.id_ce_subjectAltName, new asn1.SubjectAlternativeName(names))]
        : []),
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

function signCertificate(
  { issuer, subject, publicKey, now }: Signed,
  extensions: asn1.Extension[],
  signingKey: KeyObject,
): string {
  const tbsCertificate = new asn1.TBSCertificate({
    version: asn1.Version.v3,
    serialNumber: serialNumber(),
    signature: signatureAlgorithm,
    issuer,
    validity: validity(now),
    subject,
    subjectPublicKeyInfo: publicKey,
    extensions: new asn1.Extensions(extensions),
  });
  const tbsCertificateRaw = AsnConvert.serialize(tbsCertificate);
  const signature = sign('sha256', new Uint8Array(tbsCertificateRaw), signingKey);
  const der = AsnConvert.serialize(
    // with the text that was signed it is not written anew
    new asn1.Certificate({
      tbsCertificate,
      tbsCertificateRaw,
      signatureAlgorithm,
      signatureValue: arrayBufferOf(signature),
    }),
  );
  return new X509Certificate(new Uint8Array(der)).toString();
}

/** What a certificate says, beside its extensions. */
interface Signed {
  issuer: asn1.Name;
  subject: asn1.Name;
  publicKey: asn1.SubjectPublicKeyInfo;
  now: Date;
}

function nameOf(attributes: readonly (readonly [type: string, text: string])[]): asn1.Name {
  return new asn1.Name(
    attributes.map(([type, text]) => {
      // PrintableString where it will do (X.680, 41.4), as issuers do that follow RFC 5280's predecessors
      const value = /^[A-Za-z0-9 '()+,-./:=?]*$/.test(text)
        ? { printableString: text }
        : { utf8String: text };
      return new asn1.RelativeDistinguishedName([
        new asn1.AttributeTypeAndValue({ type, value: new asn1.AttributeValue(value) }),
      ]);
    }),
  );
}

function extension(extnID: string, value: object, critical = false): asn1.Extension {
  return new asn1.Extension({
    extnID,
    critical,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  });
}

function publicKeyInfo(key: KeyObject): asn1.SubjectPublicKeyInfo {
  return AsnConvert.parse(key.export({ type: 'spki', format: 'der' }), asn1.SubjectPublicKeyInfo);
}

function identifierOf({ subjectPublicKey }: asn1.SubjectPublicKeyInfo): ArrayBuffer {
  return arrayBufferOf(createHash('sha1').update(new Uint8Array(subjectPublicKey)).digest());
}

function pemOf(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Starts five minutes ago, for clocks that differ. */
function validity(now: Date): asn1.Validity {
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + validYears);
  return new asn1.Validity({ notBefore: new Date(now.getTime() - 5 * 60_000), notAfter });
}

/** Random and positive (RFC 5280, 4.1.2.2). */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return arrayBufferOf(bytes);
}

/** A Buffer may be a piece of a larger one. */
function arrayBufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
