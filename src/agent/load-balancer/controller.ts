/**
 * Gives Services of type LoadBalancer addresses of the pool and decides which node answers for each. On every control
 * plane; one at a time acts, by the Lease knest-load-balancer. What it knows is all in the cluster: in the Services'
 * status and in the ConfigMap (announcements.ts), so the next one goes on where it ended.
 */

import { inRange, parseRange } from '../../formats/address-range.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { EndpointSliceObject, NodeObject, ServiceObject } from '../../clients/kubernetes/objects.ts';
import { discoveryVersion } from '../kubernetes/discovery.ts';
import { takePart } from '../kubernetes/election.ts';
import { watchInto } from '../kubernetes/watch-into.ts';
import { log } from '../log.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { watchAnnouncements } from './announcements.ts';
import { carryOut } from './carry-out.ts';
import { balancerName } from './names.ts';
import { takePulse } from './pulse.ts';
import type { Pulse } from './pulse.ts';
import { decide, emptyState, endpointSlices, isNeeded, nodes, services } from './state.ts';
import type { BalancerState } from './state.ts';

export interface ControllerOptions {
  /** Name of this node. */
  node: string;
  /** Ranges of addresses. */
  pool: readonly string[];
  /** UDP port at which agents answer. */
  port: number;
  /** Milliseconds; for tests. */
  times?: { renewal: number; silence: number };
  pulse?: { interval: number; patience: number };
}

/** Works for as long as the process lives. Returns when all Services have been looked at. */
export async function runController(api: KubernetesClient, options: ControllerOptions): Promise<void> {
  const pool = options.pool.map(parseRange);
  const inPool = (address: string): boolean => pool.some((range) => inRange(range, address));
  const state = emptyState();
  let pulse: Pulse | undefined;
  // with an incomplete list of Services, addresses that are in use would look free: nothing is done before
  let complete = false;

  const needed = (): boolean => complete && isNeeded(state);
  const changed = oneAtATime('addresses of Services', async () => {
    if (!needed()) {
      pulse?.watch([]);
      return;
    }
    pulse ??= await attend(api, state, options, changed);
    pulse.watch([...state.nodes.values()].map(({ address }) => address));
    if (election.leads) await carryOut(api, options.node, state, decide(state, pool, pulse.isAlive));
    else election.look();
  });

  const election = await takePart(api, {
    name: balancerName,
    identity: options.node,
    needed,
    onLead: changed,
    ...(options.times ? { times: options.times } : {}),
  });
  await Promise.all([
    watchInto<ServiceObject>(api, '/api/v1/services', services(state, inPool), changed),
    watchAnnouncements(api, (object) => {
      state.announced = object;
      changed();
    }),
  ]);
  complete = true;
  changed();
}

/**
 * Begins to watch nodes and endpoints, and to ask other agents whether they live. Only once there is a Service that
 * wants an address: most clusters never have one.
 */
async function attend(
  api: KubernetesClient,
  state: BalancerState,
  { port, pulse }: ControllerOptions,
  changed: () => void,
): Promise<Pulse> {
  const slicesPath = `/apis/discovery.k8s.io/${await discoveryVersion(api)}/endpointslices`;
  await Promise.all([
    watchInto<NodeObject>(api, '/api/v1/nodes', nodes(state), changed),
    watchInto<EndpointSliceObject>(api, slicesPath, endpointSlices(state), changed),
  ]);
  const onChange = (address: string, alive: boolean): void => {
    const name = [...state.nodes].find(([, node]) => node.address === address)?.[0] ?? address;
    if (alive) log.info(`${name} answers again`);
    else log.warning(`${name} does not answer any more`);
    changed();
  };
  return takePulse(port, onChange, pulse);
}
