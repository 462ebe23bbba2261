/** What a manager of machines has to say while a cluster is planned. Pure; the host side is in src/managers. */

import type { Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { NodeResources } from '../../spec/types.ts';
import type {
  HostPlan,
  HostRun,
  MachinePlan,
  MachineRun,
  ManagerName,
  PlannedBind,
  PlannedCommand,
} from '../types.ts';

/** How a machine is connected: systemd-nspawn(1), --network-bridge=, --network-macvlan=. */
export type MachineLink = { bridge: string } | { macvlan: string } | { hostNetwork: true };

/** A machine as far as it matters for running it. */
export type MachineRunInput = Pick<MachinePlan, 'name' | 'folder' | 'root' | 'upper' | 'work'> & {
  cluster: string;
  /** The cluster's folder below the state folder: it outlives a reboot. */
  clusterFolder: string;
  /** Directories of the layers, topmost first. */
  lower: readonly string[];
  binds: readonly PlannedBind[];
  link: MachineLink;
  resources: NodeResources;
  /** It sees cgroup v2, whatever the host has (systemd-nspawn(1), SYSTEMD_NSPAWN_UNIFIED_HIERARCHY). */
  unifiedCgroup: boolean;
  /** The machine's own machine-id(5). */
  machineId: string | undefined;
  /** Run on the host each time that the machine has started. */
  started: readonly PlannedCommand[];
  /** All others wait for it while the cluster is created: it may get more of the processors until then. */
  boosted: boolean;
};

/** A host as far as it matters for what a manager keeps there for a cluster. */
export interface HostRunInput {
  cluster: string;
  /** The cluster's folder below the state folder: it outlives a reboot. */
  folder: string;
  /** undefined: the network mode has none. */
  bridge: string | undefined;
  /** A link of the host that must be there first, as in a macvlan. */
  parent?: string;
  host: Pick<HostPlan, 'sysctls' | 'setup' | 'teardown' | 'afterStop'>;
}

/** The pure side of a manager: how it runs machines on a host, as data. */
export interface ManagerPlanner {
  /** Why it cannot run machines on such a host, and what to do instead; undefined: it can. */
  refusal(facts: Pick<HostFacts, 'pid1' | 'systemdVersion'>): Omit<Problem, 'path'> | undefined;
  /**
   * Whether the host keeps the kernel settings in a file of its own. They hold from its next boot on then, before any
   * cluster, and so include those that new network namespaces take from the host.
   */
  lastingSysctls: boolean;
  /** Where a machine's root file system is mounted on the host. @param folder the machine's */
  machineRoot(name: string, folder: string): string;
  planMachine(machine: MachineRunInput, facts: Pick<HostFacts, 'cgroup'>): MachineRun;
  planHost(host: HostRunInput, facts: Pick<HostFacts, 'programs'>): HostRun;
}

/** All managers, in the order in which "auto" asks them. */
export type ManagerPlanners = Readonly<Record<ManagerName, ManagerPlanner>>;
