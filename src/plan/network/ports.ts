import { createHash } from 'node:crypto';

import { InputError, type Problem } from '../../errors.ts';
import type { HostFacts, ListeningPort } from '../../facts/types.ts';
import { canonicalAddress, contains, familyOf } from '../../formats/cidr.ts';
import type { ClusterSpec, PortMapping } from '../../spec/types.ts';
import { apiPort } from '../components/component.ts';
import { registryPort } from '../components/local-registry.ts';
import type { MachinePlan, PlannedPort } from '../types.ts';
import { familiesOf, type Family } from './node-addresses.ts';

/** Ports of the host that lead into a cluster. */
export interface ClusterPorts {
  /** By node, in the order of the spec. */
  nodes: readonly (readonly PlannedPort[])[];
  /** The one that leads to the API; undefined: the host has none. */
  api: PlannedPort | undefined;
  /** The one that leads to the cluster's registry. */
  registry: PlannedPort | undefined;
}

/** What a cluster that is there already has. */
export interface PresentPorts {
  machines: readonly Pick<MachinePlan, 'name' | 'ports'>[];
  api: PlannedPort | undefined;
  registry?: PlannedPort | undefined;
}

type PortsSpec = Pick<ClusterSpec, 'name' | 'network'> & {
  registry?: ClusterSpec['registry'];
  nodes: readonly Pick<ClusterSpec['nodes'][number], 'name' | 'extraPortMappings'>[];
};

/**
 * Which ports of the host lead where. A port that is left open gets a free one, always the same on the same host.
 * @param present what an existing cluster has already: it is kept, and nobody else's
 * @throws InputError with a problem per address or port that can not be had
 */
export function planPorts(
  spec: PortsSpec,
  facts: Pick<HostFacts, 'listening' | 'addresses'>,
  present?: PresentPorts,
): ClusterPorts {
  const wishes = listWishes(spec, present);
  const taken = claims(facts.listening.map(claimOfListening));
  const own = claims();
  const problems: Problem[] = [];
  const given = new Map<Wish, number>();
  const assign = (wish: Wish, hostPort: number): void => {
    given.set(wish, hostPort);
    own.add({ ...claimOfWish(wish, hostPort), by: wish.path });
  };
  for (const wish of wishes) {
    const { hostPort } = wish;
    const unsound = listenProblem(wish, facts.addresses);
    if (unsound) problems.push(unsound);
    if (unsound || hostPort === undefined) continue;
    const claim = claimOfWish(wish, hostPort);
    const clash = own.find(claim) ?? (isPresent(wish, hostPort, present) ? undefined : taken.find(claim));
    if (clash) problems.push(portProblem(wish, hostPort, clash));
    else assign(wish, hostPort);
  }
  if (problems.length > 0) throw new InputError(subject, problems);
  // what is chosen makes way for what is given, and what is new for what was chosen before
  const meetsNone = (wish: Wish, port: number, others: readonly Claims[]) => {
    const claim = claimOfWish(wish, port);
    return others.every((some) => some.find(claim) === undefined);
  };
  for (const wish of wishes) {
    if (wish.before !== undefined && meetsNone(wish, wish.before, [own])) assign(wish, wish.before);
  }
  for (const wish of wishes) {
    if (given.has(wish)) continue;
    const name = `${spec.name}/${wish.owner}`;
    assign(
      wish,
      freePort(name, wish, (port) => meetsNone(wish, port, [own, taken])),
    );
  }
  const planned = (wish: Wish): PlannedPort => ({
    protocol: wish.protocol,
    listenAddress: wish.listenAddress,
    hostPort: given.get(wish) ?? 0,
    machinePort: wish.machinePort,
  });
  const ofOwner = (name: string): PlannedPort | undefined => {
    const wish = wishes.find(({ owner }) => owner === name);
    return wish && planned(wish);
  };
  return {
    nodes: spec.nodes.map(({ name }) => wishes.filter(({ owner }) => owner === name).map(planned)),
    api: ofOwner(apiOwner),
    registry: ofOwner(registryOwner),
  };
}

const subject = 'the ports of the host can not be had';
/** No node has these names: there is no letter in them. */
const apiOwner = '';
const registryOwner = '-';

/** A mapping as the spec has it. */
interface Wish {
  owner: string;
  /** nodes[0].extraPortMappings[1] */
  path: string;
  /** Name of the port in the config. */
  portKey: 'hostPort' | 'port';
  protocol: PlannedPort['protocol'];
  listenAddress: string | undefined;
  hostPort: number | undefined;
  machinePort: number;
  /** Those that its end has. */
  families: readonly Family[];
  /** The port that was chosen before. */
  before: number | undefined;
}

function listWishes({ network, nodes, registry }: PortsSpec, present: PresentPorts | undefined): Wish[] {
  const families = familiesOf(network.ipFamily);
  const ofNodes = nodes.flatMap(({ name, extraPortMappings }, node) => {
    const before = [...(present?.machines.find((machine) => machine.name === name)?.ports ?? [])];
    return extraPortMappings.map((mapping, index): Wish => {
      const wanted = {
        protocol: protocolOf(mapping),
        listenAddress: canonical(mapping.listenAddress),
        machinePort: mapping.containerPort,
      };
      // each port that was chosen before is given to one wish only
      const found = mapping.hostPort === undefined ? before.findIndex((port) => isSame(port, wanted)) : -1;
      return {
        ...wanted,
        owner: name,
        path: `nodes[${node}].extraPortMappings[${index}]`,
        portKey: 'hostPort',
        hostPort: mapping.hostPort,
        families,
        before: found < 0 ? undefined : before.splice(found, 1)[0]?.hostPort,
      };
    });
  });
  const ofRegistry = registry ? registryWish(registry, families, network.mode === 'host') : [];
  const { listenAddress, port } = network.apiServer;
  if (listenAddress === undefined) return [...ofNodes, ...ofRegistry];
  const api = { protocol: 'tcp', listenAddress: canonical(listenAddress), machinePort: apiPort } as const;
  return [
    ...ofNodes,
    ...ofRegistry,
    {
      ...api,
      owner: apiOwner,
      path: 'network.apiServer',
      portKey: 'port',
      hostPort: port,
      // the API has one address, of the primary family
      families: families.slice(0, 1),
      before: present?.api && isSame(present.api, api) ? present.api.hostPort : undefined,
    },
  ];
}

/**
 * Loopback: what is pushed there needs no TLS. There is none that leads into a machine in IPv6.
 * @param hostNetwork the node has the host's loopback: nothing leads anywhere, but the port must be free
 */
function registryWish(
  { address, port }: NonNullable<PortsSpec['registry']>,
  families: readonly Family[],
  hostNetwork: boolean,
): Wish[] {
  const [family] = families;
  if (address !== undefined || family !== 4) return [];
  return [
    {
      protocol: 'tcp',
      listenAddress: '127.0.0.1',
      machinePort: hostNetwork && port !== undefined ? port : registryPort,
      owner: registryOwner,
      path: 'registry',
      portKey: 'port',
      hostPort: port,
      families: [family],
      before: undefined,
    },
  ];
}

function isSame(a: Omit<PlannedPort, 'hostPort'>, b: Omit<PlannedPort, 'hostPort'>): boolean {
  return a.protocol === b.protocol && a.listenAddress === b.listenAddress && a.machinePort === b.machinePort;
}

function isPresent(wish: Wish, hostPort: number, present: PresentPorts | undefined): boolean {
  const all = [
    ...(present?.machines ?? []).flatMap(({ ports }) => ports),
    ...(present?.api ? [present.api] : []),
    ...(present?.registry ? [present.registry] : []),
  ];
  return all.some(
    (port) =>
      port.hostPort === hostPort &&
      port.protocol === wish.protocol &&
      port.listenAddress === wish.listenAddress,
  );
}

function protocolOf({ protocol }: PortMapping): PlannedPort['protocol'] {
  return ({ TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const)[protocol];
}

function canonical(address: string | undefined): string | undefined {
  return address === undefined ? undefined : (canonicalAddress(address) ?? address);
}

const wildcards: readonly string[] = ['0.0.0.0', '::'];

function listenProblem(
  { path, owner, listenAddress: address, families }: Wish,
  addresses: readonly string[],
): Problem | undefined {
  if (address === undefined) return undefined;
  const refuse = (message: string, hint: string): Problem => ({
    path: `${path}.listenAddress`,
    message,
    hint,
  });
  const family = familyOf(address);
  const choice = 'give an address of this host, or leave it out: every address of the host';
  if (family === undefined) return refuse(`"${address}" is not an IP address`, choice);
  if (!families.includes(family)) {
    const whose = owner === apiOwner ? "the API's own address is" : 'the cluster is';
    return refuse(
      `${address} is IPv${family}, and ${whose} IPv${families.join(' and IPv')} only`,
      family === 6 ? 'use an IPv4 address' : 'use an IPv6 address',
    );
  }
  if (address === '::1') {
    return refuse(
      '::1 can not lead into a machine: Linux never lets packets of the IPv6 loopback leave it',
      families.includes(4) ? 'use 127.0.0.1' : 'use another IPv6 address of this host',
    );
  }
  if (wildcards.includes(address) || addresses.includes(address) || isLoopback(address)) return undefined;
  return refuse(`${address} is no address of this host`, choice);
}

/** Every address of 127.0.0.0/8 is the host. */
export function isLoopback(address: string): boolean {
  return familyOf(address) === 4 && contains('127.0.0.0/8', address);
}

/** A port on some addresses. */
interface Claim {
  protocol: PlannedPort['protocol'];
  addresses: readonly string[];
  port: number;
  by: string;
}

/** Found by their port: a config may have thousands. */
interface Claims {
  add: (claim: Claim) => void;
  /** The first one that a claim meets. */
  find: (claim: Claim) => Claim | undefined;
}

function claims(initial: readonly Claim[] = []): Claims {
  const byPort = new Map<number, Claim[]>();
  const add = (claim: Claim): void => {
    const known = byPort.get(claim.port);
    if (known) known.push(claim);
    else byPort.set(claim.port, [claim]);
  };
  initial.forEach(add);
  return { add, find: (claim) => byPort.get(claim.port)?.find((other) => meet(claim, other)) };
}

function claimOfWish({ protocol, listenAddress, families }: Wish, port: number): Claim {
  const addresses =
    listenAddress === undefined ? families.map((family) => everyAddress[family]) : [listenAddress];
  return { protocol, addresses, port, by: '' };
}

function claimOfListening({ protocol, address, port, usedBy }: ListeningPort): Claim {
  return {
    protocol,
    // a socket on :: has IPv4 as well unless it says otherwise (ipv6(7), IPV6_V6ONLY), which can't be seen from outside
    addresses: address === '::' ? wildcards : [address],
    port,
    by: usedBy ?? `something that listens on ${address}`,
  };
}

const everyAddress: Record<Family, string> = { 4: '0.0.0.0', 6: '::' };

function meet(a: Claim, b: Claim): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port) return false;
  return a.addresses.some((one) =>
    b.addresses.some(
      (other) =>
        familyOf(one) === familyOf(other) &&
        (one === other || wildcards.includes(one) || wildcards.includes(other)),
    ),
  );
}

function portProblem({ path, portKey, protocol }: Wish, port: number, { by }: Claim): Problem {
  return {
    path: `${path}.${portKey}`,
    message: `${protocol.toUpperCase()} port ${port} is taken by ${by}`,
    hint:
      path === 'registry'
        ? 'choose another one'
        : 'choose another one, or leave it out and knest finds one that is free',
  };
}

/** Below the ports that Linux gives to outgoing connections (32768) and those of Kubernetes' NodePorts (30000). */
const choice = { first: 20_000, count: 10_000 };

/** Begins at a place of the mapping's own: the same port again whenever the cluster is made, and others elsewhere. */
function freePort(owner: string, wish: Wish, isFree: (port: number) => boolean): number {
  const { protocol, listenAddress = '*', machinePort, path, portKey } = wish;
  const name = `${owner}/${protocol}/${listenAddress}/${machinePort}`;
  const start = createHash('sha256').update(name).digest().readUInt32BE(0) % choice.count;
  for (let step = 0; step < choice.count; step += 1) {
    const port = choice.first + ((start + step) % choice.count);
    if (isFree(port)) return port;
  }
  const last = choice.first + choice.count - 1;
  throw new InputError(subject, [
    { path: `${path}.${portKey}`, message: `no port from ${choice.first} to ${last} is free on this host` },
  ]);
}
