/** What an Ingress shows of itself: the address by which it is reached, and events about what of it cannot be had. */

import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { IngressObject } from '../../clients/kubernetes/objects.ts';
import { tellOf } from '../kubernetes/events.ts';
import { log } from '../log.ts';
import { ingressName } from './names.ts';
import { lostIngresses, ownIngresses } from './state.ts';
import type { IngressState } from './state.ts';

export interface Teller {
  /** Brings status and events of all Ingresses up to what is true now. */
  tell(state: IngressState, problems: ReadonlyMap<string, readonly string[]>): Promise<void>;
}

/**
 * @param node name of this node, for events
 * @param address of every Ingress that is ours
 */
export function statusTeller(api: KubernetesClient, node: string, address: string): Teller {
  /** By name of the Ingress: its uid, once its status was set. Nobody insists: who changes it afterwards has his reasons. */
  const written = new Map<string, string>();
  /** By name: what its events say already. */
  const told = new Map<string, string>();

  const write = async (
    state: IngressState,
    ingress: IngressObject,
    ip: string | undefined,
  ): Promise<void> => {
    const key = keyOf(ingress);
    const { name = '', namespace = '', uid } = ingress.metadata ?? {};
    const list = ip === undefined ? null : [{ ip }];
    const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/${name}/status`;
    try {
      await api.patch(`${path}?fieldManager=${ingressName}`, {
        // refused when it is another Ingress of the same name by now
        metadata: { uid },
        status: { loadBalancer: { ingress: list } },
      });
    } catch (error) {
      // gone, as its watch is about to say
      if (error instanceof ApiError && error.status === 404) return;
      throw error;
    }
    // until its watch says the same
    state.ingresses.set(key, { ...ingress, status: { loadBalancer: { ingress: list ?? [] } } });
    if (ip === undefined) written.delete(key);
    else written.set(key, uid ?? '');
    log.info(`${key}: ${ip ?? 'no address any more'}`);
  };

  return {
    tell: async (state, problems) => {
      for (const ingress of lostIngresses(state)) await write(state, ingress, undefined);
      for (const ingress of ownIngresses(state)) {
        const key = keyOf(ingress);
        const [first, ...more] = ingress.status?.loadBalancer?.ingress ?? [];
        const isRight = first?.ip === address && more.length === 0;
        if (!isRight && written.get(key) !== (ingress.metadata?.uid ?? ''))
          await write(state, ingress, address);
        const message = (problems.get(key) ?? []).join('; ');
        if (message === (told.get(key) ?? '')) continue;
        const about = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', ...ingress };
        const event =
          message === ''
            ? ({ type: 'Normal', reason: 'Accepted', message: 'nothing is wrong any more' } as const)
            : ({ type: 'Warning', reason: 'Rejected', message: message.slice(0, 1000) } as const);
        await tellOf(api, { component: ingressName, host: node }, about, event);
        told.set(key, message);
      }
      for (const known of [written, told])
        for (const key of known.keys()) if (!state.ingresses.has(key)) known.delete(key);
    },
  };
}
