/** A node's side of a renewal by Kubernetes' certificates API ("Certificates and Certificate Signing Requests"). */

import { randomBytes, X509Certificate } from 'node:crypto';

import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { SigningRequestObject } from '../../clients/kubernetes/objects.ts';
import { renewalRequest } from '../../pki/x509.ts';
import { pollUntil } from '../../poll.ts';
import { presentCertificate, renewalSigner } from './config.ts';

export const requestsPath = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

const serverAuth = '1.3.6.1.5.5.7.3.1';

/** Milliseconds between two looks, and until it is given up: the timer comes again. */
const interval = 500;
const patience = 60_000;

export interface Renewal {
  node: string;
  name: string;
  /** PEM: what is to be renewed, with its key. */
  certificate: string;
  key: string;
}

/** Asks for a certificate like one that is there. @returns PEM @throws Error when it is refused, or nobody answers */
export async function requestRenewal(
  api: KubernetesClient,
  { node, name, certificate, key }: Renewal,
): Promise<string> {
  // undefined for a certificate that does not say what it is for
  const { keyUsage } = new X509Certificate(certificate) as { keyUsage?: readonly string[] };
  const isServer = keyUsage?.includes(serverAuth) ?? false;
  const request = `${objectName(name, node)}-${randomBytes(4).toString('hex')}`;
  const object: SigningRequestObject = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: {
      name: request,
      annotations: { [presentCertificate]: certificate },
    },
    spec: {
      request: Buffer.from(renewalRequest(certificate, key)).toString('base64'),
      signerName: renewalSigner,
      usages: ['digital signature', isServer ? 'server auth' : 'client auth'],
    },
  };
  await api.create(requestsPath, object);
  const path = `${requestsPath}/${request}`;
  return pollUntil(
    {
      interval,
      limit: {
        timeout: patience,
        error: () => new Error(`no control plane answers ${path}`),
      },
    },
    async () => {
      const { status } = await api.get<SigningRequestObject>(path);
      const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
      if (refusal) throw new Error(`refused: ${refusal.message ?? refusal.reason ?? refusal.type}`);
      const signed = status?.certificate;
      return signed === undefined ? undefined : { value: Buffer.from(signed, 'base64').toString() };
    },
  );
}

/** Shared ones of several nodes are told apart. */
function objectName(certificate: string, node: string): string {
  return certificate.endsWith(node) ? certificate : `${certificate}-${node}`;
}
