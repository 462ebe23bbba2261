/**
 * Gives Services of type LoadBalancer addresses of the pool and decides which node answers for each. On every control
 * plane; one at a time acts, by the Lease knest-load-balancer. What it knows is all in the cluster: in the Services'
 * status and in the ConfigMap (announcements.ts), so the next one goes on where it ended.
 */

import { inRange, parseRange } from '../../formats/address-range.ts';
import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { discoveryVersion } from '../kubernetes/discovery.ts';
import { takePart } from '../kubernetes/election.ts';
import { tellOf } from '../kubernetes/events.ts';
import type { EventText } from '../kubernetes/events.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type {
  ConfigMapObject,
  EndpointSliceObject,
  NodeObject,
  ServiceObject,
} from '../../clients/kubernetes/objects.ts';
import { log, reasonOf } from '../log.ts';
import { nodesByAddress, watchAnnouncements, writeAnnouncements } from './announcements.ts';
import { giveAddresses } from './give.ts';
import { balancerName } from './names.ts';
import { placeAddresses } from './place.ts';
import { takePulse } from './pulse.ts';
import type { Pulse } from './pulse.ts';
import { nameOf, readyNodesOf, wishOf } from './services.ts';
import type { Wish } from './services.ts';

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

interface NodeState {
  address: string;
  ready: boolean;
  controlPlane: boolean;
}

/** Kubernetes: "Well-Known Labels, Annotations and Taints". */
const roleLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';
/** Milliseconds after which something that failed is tried again. */
const again = 1000;

/** Works for as long as the process lives. Returns when all Services have been looked at. */
export async function runController(api: KubernetesClient, options: ControllerOptions): Promise<void> {
  const pool = options.pool.map(parseRange);
  const inPool = (address: string): boolean => pool.some((range) => inRange(range, address));
  const wishes = new Map<string, Wish>();
  const nodes = new Map<string, NodeState>();
  const slices = new Map<string, ReturnType<typeof readyNodesOf>>();
  /** The last thing that was said of a Service, so that it is said once. */
  const said = new Map<string, string>();
  let announced: ConfigMapObject | undefined;
  let pulse: Pulse | undefined;

  /** Who acts on half of the truth moves addresses that are well where they are. */
  let complete = false;

  const needed = (): boolean =>
    complete && (wishes.size > 0 || Object.keys(announced?.data ?? {}).length > 0);
  const changed = oneAtATime(async () => {
    if (!needed()) {
      pulse?.watch([]);
      return;
    }
    pulse ??= await attend();
    pulse.watch([...nodes.values()].map(({ address }) => address));
    if (election.leads) await act(pulse);
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
    keepWatching<ServiceObject>(api, '/api/v1/services', {
      set: (service) => {
        const wish = wishOf(service, inPool);
        if (wish) wishes.set(wish.name, wish);
        if (wish || wishes.delete(nameOf(service))) changed();
      },
      delete: (service) => {
        said.delete(nameOf(service));
        if (wishes.delete(nameOf(service))) changed();
      },
    }),
    watchAnnouncements(api, (object) => {
      announced = object;
      changed();
    }),
  ]);
  complete = true;
  changed();

  /** Nodes and endpoints are of interest only once there is a Service: most clusters never have one. */
  async function attend(): Promise<Pulse> {
    const discovery = await discoveryVersion(api);
    await Promise.all([
      keepWatching<NodeObject>(api, '/api/v1/nodes', {
        set: (node) => {
          const state = stateOf(node);
          const name = node.metadata?.name ?? '';
          if (JSON.stringify(state) === JSON.stringify(nodes.get(name))) return;
          if (state) nodes.set(name, state);
          else nodes.delete(name);
          changed();
        },
        delete: ({ metadata }) => {
          nodes.delete(metadata?.name ?? '');
          changed();
        },
      }),
      keepWatching<EndpointSliceObject>(api, `/apis/discovery.k8s.io/${discovery}/endpointslices`, {
        set: (slice) => {
          const found = readyNodesOf(slice);
          slices.set(nameOf(slice), found);
          if (wishes.get(found.service)?.local) changed();
        },
        delete: (slice) => {
          const service = slices.get(nameOf(slice))?.service ?? '';
          slices.delete(nameOf(slice));
          if (wishes.get(service)?.local) changed();
        },
      }),
    ]);
    return takePulse(
      options.port,
      (address, alive) => {
        const name = [...nodes].find(([, node]) => node.address === address)?.[0] ?? address;
        if (alive) log.info(`${name} answers again`);
        else log.warning(`${name} does not answer any more`);
        changed();
      },
      options.pulse,
    );
  }

  async function act(alive: Pulse): Promise<void> {
    const all = [...wishes.values()];
    const { addresses, refused } = giveAddresses(all, pool);
    const before = nodesByAddress(announced);
    const placed = placeAddresses({
      wishes: all,
      addresses,
      candidates: [...nodes]
        .map(([name, { address, ready, controlPlane }]) => ({
          name,
          fit: ready && alive.isAlive(address),
          controlPlane,
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      endpoints: (service) =>
        new Set([...slices.values()].flatMap((slice) => (slice.service === service ? slice.nodes : []))),
      before,
    });
    // first: with an address that is dead already, and before somebody learns of one that is new
    announced = await writeAnnouncements(api, announced, placed);
    for (const [address, node] of placed) {
      if (before.get(address) !== node) log.info(`${address} is answered by ${node}`);
    }
    for (const wish of all) {
      const has = addresses.get(wish.name) ?? [];
      if (has.join(' ') !== wish.has.join(' ')) await writeStatus(wish, has);
      const reason = refused.get(wish.name);
      if (reason !== said.get(wish.name) && reason !== undefined)
        await tell(wish, { type: 'Warning', reason: 'AllocationFailed', message: reason });
      if (reason === undefined) said.delete(wish.name);
      else said.set(wish.name, reason);
    }
  }

  async function writeStatus(wish: Wish, addresses: readonly string[]): Promise<void> {
    const [namespace = '', name = ''] = wish.name.split('/');
    const ingress = addresses.map((ip) => ({ ip }));
    try {
      await api.patch(`/api/v1/namespaces/${namespace}/services/${name}/status`, {
        // refused when it is another Service of the same name by now
        metadata: { uid: wish.uid },
        status: { loadBalancer: { ingress: ingress.length > 0 ? ingress : null } },
      });
    } catch (error) {
      // gone, which its watch is about to say
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      return;
    }
    log.info(`${wish.name}: ${addresses.join(' ') || 'no address any more'}`);
    // until its watch says the same
    if (wishes.get(wish.name) === wish) wishes.set(wish.name, { ...wish, has: addresses });
    if (addresses.length > 0)
      await tell(wish, { type: 'Normal', reason: 'AddressAssigned', message: addresses.join(', ') });
  }

  function tell({ name, uid }: Wish, event: EventText): Promise<void> {
    const [namespace = '', own = ''] = name.split('/');
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: own, namespace, uid } };
    return tellOf(api, { component: balancerName, host: options.node }, service, event);
  }
}

/** undefined: it answers for nobody. */
function stateOf({ metadata, status }: NodeObject): NodeState | undefined {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  if (address === undefined || metadata?.labels?.[excludeLabel] !== undefined) return undefined;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  const controlPlane = roleLabels.some((label) => metadata?.labels?.[label] !== undefined);
  return { address, ready, controlPlane };
}

/** Calls `job`, and once more when it was asked for meanwhile; after a failure again in a while. */
function oneAtATime(job: () => Promise<void>): () => void {
  let state: 'idle' | 'busy' | 'again' = 'idle';
  let blocked = false;
  const run = async (): Promise<void> => {
    try {
      await job();
      blocked = false;
    } catch (error) {
      // refused (409): what it did not know yet is on its way to it, and calls it
      if (!(error instanceof ApiError && error.status === 409) && !blocked) {
        log.warning(`addresses of Services: ${reasonOf(error)}`);
        blocked = true;
      }
      setTimeout(call, again);
    }
    const next = state === 'again';
    state = 'idle';
    if (next) call();
  };
  const call = (): void => {
    if (state !== 'idle') {
      state = 'again';
      return;
    }
    state = 'busy';
    // what comes in one go is looked at together
    setImmediate(() => void run());
  };
  return call;
}
