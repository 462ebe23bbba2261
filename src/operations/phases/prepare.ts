import { listLayers } from '../../artifacts/layer-info.ts';
import { rootfsLayer } from '../../plan/image.ts';
import { layerPath } from '../../artifacts/layers.ts';
import { installPackages } from '../../apply/packages.ts';
import { runSequence } from '../../apply/runner.ts';
import { KnestError } from '../../errors.ts';
import { checkHost, missingPackages } from '../../observe/checks/check-host.ts';
import type { Check, HostFacts } from '../../facts/types.ts';
import { gatherAptFacts, gatherFacts } from '../../observe/host/gather.ts';
import { planCluster } from '../../plan/cluster.ts';
import { podBridge } from '../../plan/network/host-network.ts';
import { exampleLeases } from '../../plan/network/lan.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { chooseKubernetes } from './choose-kubernetes.ts';
import { leasesForNewNodes, type Leases } from './leases.ts';
import { readClusters } from '../find-machines.ts';
import type { Session } from '../session.ts';

/** What planning starts from, and the plan. */
export interface Prepared {
  facts: HostFacts;
  plan: ClusterPlan;
}

export interface PrepareOptions {
  /** May install missing packages on the host. */
  install: boolean;
  /** The plan of the cluster as it is, when nodes come or go. */
  previous?: ClusterPlan;
  /** A half-made one may be running: what it has of the host is not in its own way. */
  halfMade?: boolean;
  /** Addresses by DHCP: those that nodes have by now, or examples for a plan that is only looked at. Else they are asked for. */
  leases?: Leases | 'examples';
}

/**
 * Looks at the host, decides where Kubernetes comes from and plans. Touches nothing but, with `install`, the host's
 * packages, and asks a DHCP server where nodes are to have their addresses from one.
 * @throws KnestError kind "preflight" when the host lacks something, InputError when the spec does not fit it
 */
export async function prepare(
  session: Session,
  spec: ClusterSpec,
  { install, previous, leases, halfMade = false }: PrepareOptions,
): Promise<Prepared> {
  const seen = await lookAtHost(session, spec, install);
  const found = halfMade && spec.network.mode === 'host' ? withoutNode(seen) : seen;
  const kubernetes = await chooseKubernetes(session, spec, found, previous);
  const others = (await readClusters(session)).filter(({ plan }) => plan.cluster !== spec.name);
  const facts = {
    ...found,
    hostNetworkOf: others.find(({ plan }) => plan.network.hostNetwork)?.plan.cluster,
    leases:
      leases === 'examples'
        ? exampleLeases(spec.nodes.map(({ name }) => name))
        : (leases ?? (await leasesForNewNodes(session, spec, found, previous))),
    subnetsInUse: [...found.subnetsInUse, ...others.flatMap(({ plan }) => subnetsOf(plan))],
    listening: [...found.listening, ...others.flatMap(({ plan }) => portsOf(plan))],
  };
  return { facts, plan: planCluster(spec, facts, kubernetes, session.paths, previous) };
}

/** Facts, after what is missing was installed or complained about. */
export async function lookAtHost(session: Session, spec: ClusterSpec, install: boolean): Promise<HostFacts> {
  const { facts, building } = await gather(session, spec);
  const checks = checkHost(facts, { building });
  const packages = missingPackages(checks);
  if (packages.length === 0 || !install) {
    refuse(checks);
    return facts;
  }
  await installHere(session, facts, packages);
  const again = await gather(session, spec);
  refuse(checkHost(again.facts, { building }));
  return again.facts;
}

/** @returns building: a root file system is not in the cache and must be made */
async function gather(session: Session, spec: ClusterSpec): Promise<{ facts: HostFacts; building: boolean }> {
  const { host, paths } = session;
  const facts = await gatherFacts(host, paths, process.env);
  const suites = new Set(spec.nodes.map(({ suite }) => suite ?? spec.image.suite));
  const missing = await Promise.all(
    [...suites].map(async (suite) => {
      const { id } = rootfsLayer({ ...spec.image, suite }, facts);
      return (await host.stat(layerPath(paths, id))) === undefined;
    }),
  );
  const building = missing.includes(true);
  // asking apt takes longer than all the rest: only when something is to be fetched from its mirrors
  const fetching = building || !(await listLayers(paths, host)).some(({ kind }) => kind === 'kubernetes');
  return { facts: fetching ? { ...facts, apt: await gatherAptFacts(host) } : facts, building };
}

/** Installs packages on the host, as a step of the story. */
export async function installHere(
  session: Session,
  facts: HostFacts,
  packages: readonly string[],
): Promise<void> {
  const { host, listener, signal } = session;
  const step = {
    id: 'packages' as const,
    title: `Install ${packages.join(', ')} on ${host.name}`,
    run: ({ progress }: { progress: (message: string) => void }) =>
      installPackages(host, facts, packages, progress),
  };
  await runSequence(step, listener, signal);
}

function refuse(checks: readonly Check[]): void {
  const problems = checks.filter(({ verdict }) => verdict === 'problem');
  if (problems.length === 0) return;
  throw new KnestError('this host is not ready for knest', {
    code: 'HOST_UNFIT',
    details: problems.map(({ sentence, fix }) => (fix === undefined ? sentence : `${sentence} Fix: ${fix}`)),
    hint:
      missingPackages(checks).length > 0
        ? 'with --yes knest installs missing packages itself'
        : 'knest doctor',
  });
}

/** A host as it was before a node shared its network. */
function withoutNode(facts: HostFacts): HostFacts {
  const links = facts.links.filter((link) => link !== podBridge);
  return { ...facts, links, listening: [], firewall: { ...facts.firewall, kubernetes: [] } };
}

/** Clusters that are planned but not running have no routes that would show their subnets. */
function subnetsOf({ cluster, network }: ClusterPlan): HostFacts['subnetsInUse'] {
  const { bridge, lan, nodeSubnets, podSubnets, serviceSubnets } = network;
  // a LAN with DHCP is everybody's
  return [...(lan?.dhcp ? [] : nodeSubnets), ...podSubnets, ...serviceSubnets].map((cidr) => ({
    cidr,
    usedBy: `knest cluster ${cluster}`,
    link: bridge,
  }));
}

/** No socket listens where packets are led into a cluster. */
function portsOf({ cluster, network, machines }: ClusterPlan): HostFacts['listening'] {
  const ports = [
    ...machines.flatMap((machine) => machine.ports),
    ...(network.apiPort ? [network.apiPort] : []),
    ...(network.registryPort ? [network.registryPort] : []),
  ];
  return ports.map(({ protocol, listenAddress, hostPort }) => ({
    protocol,
    address: listenAddress ?? '::',
    port: hostPort,
    usedBy: `knest cluster ${cluster}`,
  }));
}
