import { installPackages } from '../../apply/packages.ts';
import { runSequence } from '../../apply/runner.ts';
import { InputError, KnestError, problemInOneLine } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { Check, HostFacts, Lease } from '../../facts/types.ts';
import { missingPackages } from '../../observe/checks/check-host.ts';
import { exampleLeases } from '../../plan/network/lan.ts';
import { hostPathProblems, hostPathWarnings } from '../../plan/binds.ts';
import { seesTheSame } from '../../plan/cluster.ts';
import { keepOf } from '../../plan/keep.ts';
import { lockProblems } from '../../plan/lock-problems.ts';
import type { Keep } from '../../plan/keep.ts';
import { componentsOfSuite } from '../../plan/node-components.ts';
import type { ClusterPlan, KubernetesChoice, NodeComponents } from '../../plan/types.ts';
import { versionOfNode, versionProblems } from '../../plan/versions/problems.ts';
import type { ComponentsOf, VersionOf } from '../../plan/versions/problems.ts';
import { versionWarnings } from '../../plan/versions/warnings.ts';
import { isWholeVersion } from '../../spec/kubernetes-version.ts';
import type { ClusterSpec, ComponentName, NodeSpec } from '../../spec/types.ts';
import type { Session } from '../session.ts';
import { networkProblems } from './beside-others.ts';
import { chooseComponents } from './choose-components.ts';
import { chooseKubernetes } from './choose-kubernetes.ts';
import { leasesForNewNodes } from './leases.ts';
import { lookAtHost } from './look.ts';

/** The third phase: everything that planning needs and that has to be fetched, asked for or installed first. */
export interface Acquired {
  facts: HostFacts;
  kubernetes: KubernetesChoice;
  /** Nodes' addresses on a LAN with DHCP, by name; empty elsewhere. */
  leases: Readonly<Record<string, Lease>>;
}

export interface AcquireOptions {
  /** May install missing packages on the host. */
  install: boolean;
  /** The plan of the cluster as it is, when nodes come or go. */
  previous?: ClusterPlan | undefined;
  /** What its machines keep of it; default: everything that can be kept. */
  keep?: Keep | undefined;
  /**
   * Addresses by DHCP: those that nodes have by now, or examples for a plan that is only looked at. Without it new nodes'
   * addresses are asked for.
   */
  leases?: Acquired['leases'] | 'examples' | undefined;
  /** A half-made cluster of this name may be running: what it has of the host is not in its own way. */
  halfMade?: boolean;
  /** Ids of layers that will be in the cache by the time that they are needed. */
  layersToCome?: readonly string[] | undefined;
}

/**
 * Looks at the host, installs what it lacks when allowed, decides where Kubernetes comes from, and asks a DHCP server
 * where nodes are to have their addresses from one. All that takes long is a step of the story. Not under the planning
 * lock: other clusters can be made meanwhile.
 * @throws KnestError when the host lacks something, InputError for a Kubernetes that cannot be had
 */
export async function acquire(
  session: Session,
  spec: ClusterSpec,
  {
    install,
    previous,
    keep = previous && keepOf(previous),
    leases,
    halfMade = false,
    layersToCome,
  }: AcquireOptions,
): Promise<Acquired> {
  const there = seesTheSame(previous, keep);
  const facts = await makeHostFit(session, spec, {
    install,
    // who only looks at a plan leaves not even a trace of trying; where machines are, it has been tried
    tryFolders: leases !== 'examples' && previous === undefined,
    kept: keep?.kubernetes,
    there,
    layers: new Set(previous?.layers.map(({ id }) => id)),
    layersToCome,
    // what is there has its network
    furtherProblems: async (seen) =>
      previous ? [] : networkProblems(session, spec, { facts: seen, halfMade }),
  });
  const kubernetes = await choose(session, spec, facts, keep);
  const versionOf = (node: NodeSpec) => versionOfNode(kubernetes, node);
  const componentsOf = (node: NodeSpec) => kubernetes.components?.[node.name] ?? {};
  refuseVersions(spec, versionOf, componentsOf);
  // a cluster whose nodes are there has been told when they came
  if (leases === undefined || leases === 'examples') {
    for (const warning of [
      ...versionWarnings(spec, versionOf, componentsOf),
      ...hostPathWarnings(spec, facts, there),
    ]) {
      session.listener({ type: 'note', level: 'warning', message: problemInOneLine(warning) });
    }
  }
  if (leases === 'examples') {
    const known = new Set(previous?.machines.map(({ name }) => name));
    const names = spec.nodes.map(({ name }) => name).filter((name) => !known.has(name));
    return { facts, kubernetes, leases: exampleLeases(names) };
  }
  return {
    facts,
    kubernetes,
    leases: leases ?? (await leasesForNewNodes(session, spec, facts, previous)),
  };
}

/** Which Kubernetes, and what nodes have besides. @throws InputError for what cannot be had */
export async function choose(
  session: Session,
  spec: ClusterSpec,
  facts: HostFacts,
  keep?: Keep,
): Promise<KubernetesChoice> {
  const kubernetes = await chooseKubernetes(session, spec, facts, keep);
  return { ...kubernetes, components: await chooseComponents(session, spec, facts, kubernetes, keep) };
}

export interface FitOptions {
  /** May install missing packages on the host. */
  install: boolean;
  /** Finds out whether state and cache can be used where they are, by making a folder there for a moment. */
  tryFolders?: boolean;
  /** Versions of Kubernetes that nodes have already. */
  kept?: Keep['kubernetes'] | undefined;
  /** Names of the nodes that are there. */
  there?: ReadonlySet<string>;
  /** Ids of the layers that they stand on. */
  layers?: ReadonlySet<string>;
  /** What else of the spec cannot be had on this host. Default: nothing. */
  furtherProblems?: (facts: HostFacts) => Promise<readonly Problem[]>;
  /** Ids of layers that will be in the cache by the time that they are needed. */
  layersToCome?: readonly string[] | undefined;
}

/**
 * What the host is, after what it lacked was installed or complained about.
 * @throws KnestError; InputError, before anything is installed, when what the spec names does not go together on this host
 */
export async function makeHostFit(
  session: Session,
  spec: ClusterSpec,
  {
    install,
    tryFolders = true,
    kept = { nodes: {} },
    there = new Set(),
    layers = new Set(),
    furtherProblems = () => Promise.resolve([]),
    layersToCome,
  }: FitOptions,
): Promise<HostFacts> {
  const { facts, checks } = await lookAtHost(session, spec, { tryFolders, layersToCome });
  // nodes that are there keep their layers, whatever this knest would make of the lock
  const locked = lockProblems(spec, facts, { nodes: there, layers });
  const problems = [
    ...locked,
    ...versionProblems(
      spec,
      (node) => {
        const wanted = (node.kubernetes ?? spec.kubernetes).version;
        // what "stable" and "1.36" are is not known yet; it is looked at once it is
        return (
          versionOfNode(kept, node) ?? (wanted !== undefined && isWholeVersion(wanted) ? wanted : undefined)
        );
      },
      (node) => componentsAskedFor(spec, node),
    ),
    ...hostPathProblems(spec, facts, there),
    ...(await furtherProblems(facts)),
  ];
  if (problems.length > 0) {
    const ofLock = problems.length === locked.length;
    const lockSubject =
      there.size > 0
        ? 'the new nodes are not what the lock of the cluster says'
        : 'the cluster is not what knest.lock says';
    throw new InputError(ofLock ? lockSubject : 'the cluster cannot be made', problems);
  }
  const packages = missingPackages(checks);
  if (packages.length === 0 || !install) {
    refuse(checks);
    return facts;
  }
  await installHere(session, facts, packages);
  // what could be tried has been, unless a program for that was missing
  const { folders } = facts;
  const again = await lookAtHost(session, spec, {
    tryFolders: tryFolders && folders === undefined,
    folders,
    layersToCome,
  });
  refuse(again.checks);
  return again.facts;
}

/** What is settled before anybody was asked: the suite's, where the user insists on them. */
function componentsAskedFor({ components, image }: ClusterSpec, node: NodeSpec): Partial<NodeComponents> {
  const ofSuite = Object.entries(componentsOfSuite(node, image));
  return Object.fromEntries(
    ofSuite.filter(([name]) => components.sources?.[name as ComponentName]?.source === 'suite'),
  );
}

/** Installs packages on the host, as a step of the story. */
export async function installHere(
  { host, listener, signal }: Session,
  facts: HostFacts,
  packages: readonly string[],
): Promise<void> {
  const step = {
    id: 'packages',
    title: `Install ${packages.join(', ')} on ${host.name}`,
    run: ({ progress }: { progress: (message: string) => void }) =>
      installPackages(host, facts, packages, progress),
  } as const;
  await runSequence(step, listener, signal);
}

/** @throws InputError with all that does not go together */
function refuseVersions(spec: ClusterSpec, versionOf: VersionOf, componentsOf: ComponentsOf): void {
  const problems = versionProblems(spec, versionOf, componentsOf);
  if (problems.length > 0) throw new InputError('the cluster cannot be made', problems);
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
