/** A control plane's side of renewals: who has a certificate of this cluster, and its key, gets the same for another term. */

import { X509Certificate } from 'node:crypto';

import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { NodeObject, SigningRequestObject } from '../../clients/kubernetes/objects.ts';
import { certificatesIn } from '../../pki/bundle.ts';
import { asksForTheSame, openAuthority, renewCertificate } from '../../pki/x509.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import { log, reasonOf } from '../log.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { agentUser, presentCertificate, renewalSigner } from './config.ts';
import type { CertificatesConfig } from './config.ts';
import { readPki } from './files.ts';
import { requestsPath } from './request.ts';

/** Who signs for nodes. */
const authority = 'ca';

/** Answers requests of nodes for as long as the process lives. Returns when it has seen those that are there. */
export async function signRenewals(config: CertificatesConfig, api: KubernetesClient): Promise<void> {
  const waiting = new Map<string, SigningRequestObject>();
  const answerAll = oneAtATime('renewal of certificates', async () => {
    for (const [name, request] of waiting) {
      try {
        await answer(config, api, request, new Date());
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // refused: the agent of another control plane was faster (409), or nobody can help it; the node asks again
        if (error.status !== 409) log.warning(`${name} is not answered: ${reasonOf(error)}`);
      }
      if (waiting.get(name) === request) waiting.delete(name);
    }
  });
  await keepWatching<SigningRequestObject>(
    api,
    requestsPath,
    {
      set: (request) => {
        if (!isOpen(request)) return;
        waiting.set(request.metadata?.name ?? '', request);
        answerAll();
      },
      delete: ({ metadata }) => {
        waiting.delete(metadata?.name ?? '');
      },
    },
    { fields: `spec.signerName=${renewalSigner}` },
  );
}

function isOpen({ status }: SigningRequestObject): boolean {
  const ended = status?.conditions?.some(({ type }) => type === 'Denied' || type === 'Failed') ?? false;
  return !ended && status?.certificate === undefined;
}

/** Approves and signs a request, or denies it with the reason. @throws Error when the API server does not take that */
export async function answer(
  config: CertificatesConfig,
  api: KubernetesClient,
  request: SigningRequestObject,
  now: Date,
): Promise<void> {
  const { metadata, spec } = request;
  const path = `${requestsPath}/${metadata?.name ?? ''}`;
  const present = metadata?.annotations?.[presentCertificate] ?? '';
  const [trusted, key] = await Promise.all(
    [`${authority}.crt`, `${authority}.key`].map((file) => readPki(config, file)),
  );
  if (trusted === undefined || key === undefined)
    throw new Error('this control plane has no key to sign with');
  const reason = await whyNot(api, request, present, trusted, now);
  const condition =
    reason === undefined
      ? { type: 'Approved', reason: 'Renewal', message: 'the same as the certificate that is there' }
      : { type: 'Denied', reason: 'NoRenewal', message: reason };
  const approved = request.status?.conditions?.some(({ type }) => type === 'Approved')
    ? request
    : await api.replace<SigningRequestObject>(`${path}/approval`, {
        ...request,
        status: { ...request.status, conditions: [{ ...condition, status: 'True' }] },
      });
  if (reason !== undefined) {
    log.warning(`${metadata?.name ?? ''} of ${spec?.username ?? ''} is denied: ${reason}`);
    return;
  }
  const fresh = renewCertificate(present, openAuthority({ certificate: trusted, key }), {
    now,
    seconds: config.validity,
  });
  await api.replace<SigningRequestObject>(`${path}/status`, {
    ...approved,
    status: { ...approved.status, certificate: Buffer.from(fresh).toString('base64') },
  });
  log.info(`${metadata?.name ?? ''} of ${spec?.username ?? ''} is signed`);
}

/** Why a request is no renewal; undefined: it is one. */
async function whyNot(
  api: KubernetesClient,
  { spec }: SigningRequestObject,
  present: string,
  trusted: string,
  now: Date,
): Promise<string | undefined> {
  const user = spec?.username ?? '';
  if (!user.startsWith(agentUser)) return `${user} is not the agent of a node`;
  const node = user.slice(agentUser.length);
  let certificate: X509Certificate;
  let asks: boolean;
  try {
    certificate = new X509Certificate(present);
    asks = asksForTheSame(Buffer.from(spec?.request ?? '', 'base64').toString(), present);
  } catch (error) {
    return `it cannot be read: ${reasonOf(error)}`;
  }
  if (certificate.ca) return 'authorities are not renewed in this way';
  if (!certificatesIn(trusted).some(({ publicKey }) => certificate.verify(publicKey)))
    return 'this cluster has not signed the present certificate';
  if (Date.parse(certificate.validTo) <= now.getTime()) return 'the present certificate has ended';
  if (!asks) return 'the request is for another key or another subject than the present certificate';
  const name = commonNameOf(certificate);
  if (![`system:node:${node}`, `${agentUser}${node}`, 'system:kube-proxy'].includes(name))
    return `node ${node} has no certificate of ${name}`;
  return (await isNode(api, node)) ? undefined : `there is no node ${node}`;
}

function commonNameOf({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}

async function isNode(api: KubernetesClient, name: string): Promise<boolean> {
  try {
    await api.get<NodeObject>(`/api/v1/nodes/${name}`);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}
