import { pkiFolder } from './component.ts';
import type { PlannedFile } from '../types.ts';
import type { PlannedCertificate } from '../../pki/types.ts';

/** What the API server calls itself when it passes requests on to other API servers. */
export const frontProxyClient = 'front-proxy-client';

/** A certificate and its key as files of a machine, below /etc/kubernetes/pki. */
export function certificateFiles(name: string): PlannedFile[] {
  return [publicFile(`${name}.crt`), secretFile(`${name}.key`)];
}

/** Where a certificate and its key are. */
export function certificatePaths(...names: readonly string[]): string[] {
  return names.flatMap((name) => [`${pkiFolder}/${name}.crt`, `${pkiFolder}/${name}.key`]);
}

/** A file of the PKI that anyone may read. */
export function publicFile(name: string): PlannedFile {
  return { path: `${pkiFolder}/${name}`, mode: 0o644, content: { pki: name } };
}

/** Of an authority's certificates the one that signs. */
export function signerFile(name: string): PlannedFile {
  return {
    path: `${pkiFolder}/${name}-signer.crt`,
    mode: 0o644,
    content: { pki: `${name}.crt`, first: true },
  };
}

/**
 * Files of a client's certificate that a kubeconfig names: client-go reads them again every five minutes, and goes over to new
 * connections when they are others (client-go: transport/cert_rotation.go, since 1.19).
 */
export function readAgain(client: string): string[] {
  return certificatePaths(client);
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
