import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { tellOf } from '../kubernetes/events.ts';
import type { EventText } from '../kubernetes/events.ts';
import { log } from '../log.ts';
import { writeAnnouncements } from './announcements.ts';
import { balancerName, ownClass } from './names.ts';
import type { Wish } from './services.ts';
import type { BalancerState, Decision, ServiceChange } from './state.ts';

/**
 * Writes a decision into the cluster, and notes in the state what has been written.
 * @param node name of this node, for events
 * @throws ApiError, 409 when somebody has changed meanwhile what the decision is about
 */
export async function carryOut(
  api: KubernetesClient,
  node: string,
  state: BalancerState,
  { placed, moved, services }: Decision,
): Promise<void> {
  // First who answers: an address whose node is dead must not wait, and nobody shall learn of a new address before it
  // is answered for.
  state.announced = await writeAnnouncements(api, state.announced, placed);
  for (const [address, target] of moved) log.info(`${address} is answered by ${target}`);
  for (const change of services) await changeService(api, node, state, change);
}

async function changeService(
  api: KubernetesClient,
  node: string,
  { wishes, told, held }: BalancerState,
  { wish, addresses, refusal }: ServiceChange,
): Promise<void> {
  // before its watch says so, as then nobody else has taken it
  if (addresses?.length === 0) held.delete(wish.name);
  if (addresses && (await writeStatus(api, wish, addresses))) {
    // until its watch says the same
    if (wishes.get(wish.name) === wish) wishes.set(wish.name, { ...wish, has: addresses });
    const message = addresses.join(', ');
    if (addresses.length > 0)
      await tell(api, node, wish, { type: 'Normal', reason: 'AddressAssigned', message });
  }
  const event = whyNot(wish, refusal);
  if (event === undefined) {
    told.delete(wish.name);
  } else if (event.message !== told.get(wish.name)) {
    await tell(api, node, wish, event);
    told.set(wish.name, event.message);
  }
}

function whyNot({ has, others }: Wish, refusal: string | undefined): EventText | undefined {
  if (refusal !== undefined) return { type: 'Warning', reason: 'AllocationFailed', message: refusal };
  if (others === undefined || has.length > 0) return undefined;
  const message = `left to another controller: ${others}; with spec.loadBalancerClass ${ownClass} it is knest's`;
  return { type: 'Normal', reason: 'LeftToOthers', message };
}

/** @returns false when the Service is gone, which its watch is about to say */
async function writeStatus(
  api: KubernetesClient,
  { name: key, uid }: Wish,
  addresses: readonly string[],
): Promise<boolean> {
  const [namespace = '', name = ''] = key.split('/');
  const ingress = addresses.map((ip) => ({ ip }));
  try {
    await api.patch(`/api/v1/namespaces/${namespace}/services/${name}/status?fieldManager=${balancerName}`, {
      // refused when it is another Service of the same name by now
      metadata: { uid },
      status: { loadBalancer: { ingress: ingress.length > 0 ? ingress : null } },
    });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    return false;
  }
  log.info(`${key}: ${addresses.join(' ') || 'no address any more'}`);
  return true;
}

function tell(
  api: KubernetesClient,
  node: string,
  { name: key, uid }: Wish,
  event: EventText,
): Promise<void> {
  const [namespace = '', name = ''] = key.split('/');
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace, uid } };
  return tellOf(api, { component: balancerName, host: node }, service, event);
}
