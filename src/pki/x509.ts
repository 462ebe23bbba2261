// tsyringe, which @peculiar/x509 is built with, refuses to load without it
import 'reflect-metadata';

import { randomBytes, webcrypto } from 'node:crypto';

import * as x509 from '@peculiar/x509';

import type { PlannedAuthority, PlannedCertificate } from './types.ts';

/** A certificate with its private key, both PEM. */
export interface Issued {
  certificate: string;
  key: string;
}

/** P-256: what every Kubernetes component and browser takes, and made in a millisecond where RSA takes a second. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Clusters outlive the habit of renewing certificates every year; `knest status` shows when they end. */
const validYears = 10;

/** A self-signed authority. */
export async function issueAuthority(plan: PlannedAuthority, now: Date): Promise<Issued> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(now),
    serialNumber: serialNumber(),
    name: [{ CN: [plan.commonName] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys.privateKey) };
}

/** A certificate signed by an authority made before. */
export async function issueCertificate(
  plan: PlannedCertificate,
  authority: Issued,
  now: Date,
): Promise<Issued> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await importPrivateKey(authority.key);
  const keys = await generateKeys();
  const names = [
    ...plan.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...plan.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  const usages = { server: x509.ExtendedKeyUsage.serverAuth, client: x509.ExtendedKeyUsage.clientAuth };
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(now),
    serialNumber: serialNumber(),
    issuer: issuer.subject,
    // Kubernetes reads groups from O and the user name from CN
    subject: [
      ...plan.organizations.map((organization) => ({ O: [organization] })),
      { CN: [plan.commonName] },
    ],
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(plan.usages.map((usage) => usages[usage])),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys.privateKey) };
}

/** A key pair without certificate, as PEM. */
export async function generateKeyPair(): Promise<{ publicKey: string; key: string }> {
  const keys = await generateKeys();
  const der = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  return {
    publicKey: x509.PemConverter.encode(der, 'PUBLIC KEY') + '\n',
    key: await privateKeyPem(keys.privateKey),
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function importPrivateKey(text: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(text);
  if (!der) throw new Error('no private key in PEM text');
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY') + '\n';
}

function pem(certificate: x509.X509Certificate): string {
  return certificate.toString('pem') + '\n';
}

/** Starts five minutes ago, for clocks that differ. */
function validity(now: Date): { notBefore: Date; notAfter: Date } {
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + validYears);
  return { notBefore: new Date(now.getTime() - 5 * 60_000), notAfter };
}

/** Random and positive (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return bytes.toString('hex');
}
