import { pkiFolder } from './component.ts';
import type { PlannedFile } from '../types.ts';
import type { PlannedCertificate } from '../../pki/types.ts';

/** What the API server calls itself when it passes requests on to other API servers. */
export const frontProxyClient = 'front-proxy-client';

/** A certificate and its key as files of a machine, below /etc/kubernetes/pki. */
export function certificateFiles(name: string): PlannedFile[] {
  return [publicFile(`${name}.crt`), secretFile(`${name}.key`)];
}

/** A file of the PKI that anyone may read. */
export function publicFile(name: string): PlannedFile {
  return { path: `${pkiFolder}/${name}`, mode: 0o644, content: { pki: name } };
}

/** A private key. */
export function secretFile(name: string): PlannedFile {
  return { path: `${pkiFolder}/${name}`, mode: 0o600, content: { pki: name } };
}

/** A certificate by which a component proves to the API server who it is (Kubernetes: "PKI certificates"). */
export function clientCertificate(
  name: string,
  commonName: string,
  organizations: readonly string[] = [],
  authority = 'ca',
): PlannedCertificate {
  return { name, authority, commonName, organizations, usages: ['client'], dnsNames: [], ipAddresses: [] };
}
