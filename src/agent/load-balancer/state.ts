/** What the controller knows of the cluster, and what follows from it. Nothing here talks to anybody. */

import type { AddressRange } from '../../formats/address-range.ts';
import { keyOf } from '../../clients/kubernetes/objects.ts';
import type {
  ConfigMapObject,
  EndpointSliceObject,
  NodeObject,
  ServiceObject,
} from '../../clients/kubernetes/objects.ts';
import type { Reducer } from '../kubernetes/watch-into.ts';
import { nodesByAddress } from './announcements.ts';
import { giveAddresses } from './give.ts';
import { placeAddresses } from './place.ts';
import { isOurs, readyNodesOf, wishOf } from './services.ts';
import type { Wish } from './services.ts';

export interface NodeState {
  address: string;
  ready: boolean;
  controlPlane: boolean;
}

export interface BalancerState {
  /** By name of the Service. */
  wishes: Map<string, Wish>;
  /** By name. */
  nodes: Map<string, NodeState>;
  /** By name of the slice. */
  slices: Map<string, ReturnType<typeof readyNodesOf>>;
  /** Who answers for which address, as it was written last. */
  announced: ConfigMapObject | undefined;
  /** By name of the Service: why it does not have what it wants, as its events say already. */
  told: Map<string, string>;
  /** By name: the uid of each Service that was seen with addresses of ours, and which we have not taken back. */
  held: Map<string, string>;
  /** By name: the uid of each that somebody took them from. Nobody insists: it is left to that one as long as it lives. */
  givenUp: Map<string, string>;
}

export function emptyState(): BalancerState {
  return {
    ...{ wishes: new Map(), nodes: new Map(), slices: new Map(), told: new Map() },
    ...{ held: new Map(), givenUp: new Map() },
    announced: undefined,
  };
}

/** Whether there is anything to do: a Service that wants an address, or an address that is answered for. */
export function isNeeded({ wishes, announced }: BalancerState): boolean {
  return wishes.size > 0 || Object.keys(announced?.data ?? {}).length > 0;
}

export function services(state: BalancerState, inPool: (address: string) => boolean): Reducer<ServiceObject> {
  const { wishes, told, held, givenUp } = state;
  return {
    set: (service) => {
      const key = keyOf(service);
      noteRivals(state, service, inPool);
      const wish = wishOf(service, inPool, givenUp.get(key) === service.metadata?.uid);
      if (!wish) return wishes.delete(key);
      wishes.set(key, wish);
      return true;
    },
    delete: (service) => {
      for (const known of [told, held, givenUp]) known.delete(keyOf(service));
      return wishes.delete(keyOf(service));
    },
  };
}

/** What is told of a Service comes in order: one that had our address, and has it no more, somebody has taken it from. */
function noteRivals(
  { held, givenUp }: BalancerState,
  service: ServiceObject,
  inPool: (address: string) => boolean,
): void {
  const key = keyOf(service);
  const uid = service.metadata?.uid ?? '';
  const wish = wishOf(service, inPool);
  if (service.spec?.type !== 'LoadBalancer' || isOurs(service)) {
    held.delete(key);
    givenUp.delete(key);
  } else if (wish !== undefined && wish.others === undefined && wish.has.length > 0) {
    held.set(key, uid);
  } else {
    if (held.get(key) === uid) givenUp.set(key, uid);
    held.delete(key);
  }
}

export function nodes({ nodes: known }: BalancerState): Reducer<NodeObject> {
  return {
    set: (node) => {
      const name = node.metadata?.name ?? '';
      const state = nodeStateOf(node);
      if (JSON.stringify(state) === JSON.stringify(known.get(name))) return false;
      if (state) known.set(name, state);
      else known.delete(name);
      return true;
    },
    delete: ({ metadata }) => known.delete(metadata?.name ?? ''),
  };
}

/** Endpoints matter only to a Service whose address must be answered by a node that has one. */
export function endpointSlices({ slices, wishes }: BalancerState): Reducer<EndpointSliceObject> {
  const matters = (service: string | undefined): boolean => wishes.get(service ?? '')?.local ?? false;
  return {
    set: (slice) => {
      const found = readyNodesOf(slice);
      slices.set(keyOf(slice), found);
      return matters(found.service);
    },
    delete: (slice) => {
      const before = slices.get(keyOf(slice))?.service;
      slices.delete(keyOf(slice));
      return matters(before);
    },
  };
}

/** What is to be done for one Service. */
export interface ServiceChange {
  wish: Wish;
  /** For its status; undefined: they are there already. */
  addresses: readonly string[] | undefined;
  /** Why it does not get what it wants. */
  refusal: string | undefined;
}

export interface Decision {
  /** The node of every address. */
  placed: ReadonlyMap<string, string>;
  /** Those of them whose node was another one, or none. */
  moved: readonly (readonly [address: string, node: string])[];
  services: readonly ServiceChange[];
}

/** @param isAlive whether the agent at a node's address answers */
export function decide(
  state: BalancerState,
  pool: readonly AddressRange[],
  isAlive: (address: string) => boolean,
): Decision {
  const wishes = [...state.wishes.values()];
  const { addresses, refused } = giveAddresses(wishes, pool);
  const before = nodesByAddress(state.announced);
  const placed = placeAddresses({
    wishes,
    addresses,
    candidates: [...state.nodes]
      .map(([name, { address, ready, controlPlane }]) => ({
        ...{ name, controlPlane },
        fit: ready && isAlive(address),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    endpoints: (service) =>
      new Set([...state.slices.values()].flatMap((slice) => (slice.service === service ? slice.nodes : []))),
    before,
  });
  return {
    placed,
    moved: [...placed].filter(([address, node]) => before.get(address) !== node),
    services: wishes.map((wish) => {
      const given = addresses.get(wish.name) ?? [];
      return {
        wish,
        addresses: wish.others !== undefined || given.join(' ') === wish.has.join(' ') ? undefined : given,
        refusal: refused.get(wish.name),
      };
    }),
  };
}

/** Kubernetes: "Well-Known Labels, Annotations and Taints". */
const roleLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** undefined: it answers for no address. */
function nodeStateOf({ metadata, status }: NodeObject): NodeState | undefined {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  if (address === undefined || metadata?.labels?.[excludeLabel] !== undefined) return undefined;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  const controlPlane = roleLabels.some((label) => metadata?.labels?.[label] !== undefined);
  return { address, ready, controlPlane };
}
