/**
 * Ingress: HAProxy on the control planes does what the Ingresses of class `knest` say. Every agent there tells its own
 * HAProxy; one of them, by the Lease knest-ingress, sets the status of Ingresses.
 */

import { readFile } from 'node:fs/promises';

import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type {
  IngressClassObject,
  IngressObject,
  SecretObject,
  ServiceObject,
} from '../../clients/kubernetes/objects.ts';
import type { IngressConfig } from '../config.ts';
import { takePart } from '../kubernetes/election.ts';
import { watchInto } from '../kubernetes/watch-into.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { acceptable } from './acceptable.ts';
import type { Accepted } from './acceptable.ts';
import { ingressFolder, ingressName, ingressUnit } from './names.ts';
import { haProxy } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import { renderProxy } from './render.ts';
import type { IngressModel } from './model.ts';
import { classes, emptyState, ingresses, lostIngresses, ownIngresses, secrets, services } from './state.ts';
import type { IngressState } from './state.ts';
import { statusTeller } from './status.ts';

export interface IngressOptions {
  proxy?: Proxy;
  /** Milliseconds; for tests. */
  times?: { renewal: number; silence: number };
}

/** Works for as long as the process lives. Returns when HAProxy does what the Ingresses that are there say. */
export async function runIngress(
  node: string,
  { address, families, certificate, key }: IngressConfig,
  api: KubernetesClient,
  { proxy = haProxy({ folder: ingressFolder, unit: ingressUnit }), times }: IngressOptions = {},
): Promise<void> {
  const fallback = (await Promise.all([readFile(certificate, 'utf8'), readFile(key, 'utf8')])).join('');
  const settings = { families, fallback, account: 'haproxy', ports: { http: 80, https: 443 } };
  const render = (model: IngressModel) => (folder: string) => renderProxy(model, { ...settings, folder });
  const state = emptyState();
  const teller = statusTeller(api, node, address);
  // with an incomplete list of Ingresses, what works would cease to
  let complete = false;
  let attended: Promise<void> | undefined;
  let last: Accepted | undefined;
  let onServed = (): void => undefined;
  const served = new Promise<void>((resolve) => {
    onServed = resolve;
  });

  const needed = (): boolean =>
    complete && (ownIngresses(state).length > 0 || lostIngresses(state).length > 0);
  const changed = oneAtATime('Ingresses', async () => {
    if (!complete) return;
    if (ownIngresses(state).length > 0) await (attended ??= attend(api, state, changed));
    last = await acceptable(ownIngresses(state), state, { proxy, render, last });
    await proxy.use(render(last.model));
    onServed();
    if (!needed()) return;
    if (election.leads) await teller.tell(state, last.problems);
    else election.look();
  });

  const election = await takePart(api, {
    name: ingressName,
    identity: node,
    needed,
    onLead: changed,
    ...(times ? { times } : {}),
  });
  await Promise.all([
    watchInto<IngressClassObject>(api, `${networking}/ingressclasses`, classes(state), changed),
    watchInto<IngressObject>(api, `${networking}/ingresses`, ingresses(state), changed),
  ]);
  complete = true;
  changed();
  await served;
}

const networking = '/apis/networking.k8s.io/v1';

/** What Ingresses speak of. Only once there is one: most clusters never have any. */
async function attend(api: KubernetesClient, state: IngressState, changed: () => void): Promise<void> {
  // of all Secrets only those that hold certificates are read
  const ofCertificates = { fields: 'type=kubernetes.io/tls' };
  await Promise.all([
    watchInto<ServiceObject>(api, '/api/v1/services', services(state), changed),
    watchInto<SecretObject>(api, '/api/v1/secrets', secrets(state), changed, ofCertificates),
  ]);
}
