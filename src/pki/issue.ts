import { KnestError } from '../errors.ts';
import type { PkiPlan } from '../plan/types.ts';
import { generateKeyPair, issueAuthority, issueCertificate } from './x509.ts';

/** PEM texts by file name: "ca.crt", "ca.key", "sa.pub", ... */
export type KeyMaterial = ReadonlyMap<string, string>;

/**
 * Makes what the plan names and `existing` lacks; what exists is kept, so that running again after a crash gives a
 * cluster whose certificates fit together.
 */
export async function issuePki(plan: PkiPlan, existing: KeyMaterial, now: Date): Promise<KeyMaterial> {
  const material = new Map(existing);
  const missing = (name: string): boolean => !material.has(`${name}.crt`) || !material.has(`${name}.key`);
  await Promise.all([
    ...plan.authorities
      .filter(({ name }) => missing(name))
      .map(async (authority) => {
        const issued = await issueAuthority(authority, now);
        material.set(`${authority.name}.crt`, issued.certificate);
        material.set(`${authority.name}.key`, issued.key);
      }),
    ...plan.keyPairs
      .filter((name) => !material.has(`${name}.key`))
      .map(async (name) => {
        const pair = await generateKeyPair();
        material.set(`${name}.pub`, pair.publicKey);
        material.set(`${name}.key`, pair.key);
      }),
  ]);
  await Promise.all(
    plan.certificates
      .filter(({ name }) => missing(name))
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

/** @throws KnestError when the cluster's key material lacks a file that the plan names */
export function requireMaterial(material: KeyMaterial, file: string): string {
  const text = material.get(file);
  if (text === undefined) throw new KnestError(`the cluster has no key material called ${file}`);
  return text;
}
