import type { RunOptions, RunResult } from '../host/types.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';

/**
 * How machines are run on a host, and what a host keeps for a cluster of such machines. The machines and clusters that
 * it is asked about have been planned for it.
 */
export interface MachineManager {
  /** Process id of the machine's process 1 as the host sees it; undefined while it does not run. */
  leader(machine: MachinePlan): Promise<number | undefined>;
  /**
   * Writes what the host needs to run the machine, beside the machine's own root file system. Again is harmless, and
   * brings a machine to a new plan; one that runs takes it up when it is started again.
   * @throws KnestError when somebody else's file is in the place of one of these
   */
  writeFiles(machine: MachinePlan): Promise<void>;
  /** Starts the machine unless it runs; returns when its process 1 does. */
  start(machine: MachinePlan, signal?: AbortSignal): Promise<void>;
  /** What the host does whenever a machine has started and a new plan has added: for one that runs all the while. */
  catchUp(before: MachinePlan, after: MachinePlan): Promise<void>;
  /** Lets go of the root file system of a machine that has been stopped, so that it can get other layers. */
  releaseRoot(machine: MachinePlan): Promise<void>;
  /** Powers the machine off as its own shutdown does; one that does not end in time is ended hard. */
  stop(machine: MachinePlan): Promise<void>;
  /** Ends the machine at once, as pulling the plug does, and takes away everything that running it made. */
  destroy(machine: MachinePlan): Promise<void>;
  /** Runs a program inside. @throws KnestError when the machine does not run, CommandError when the program fails */
  run(machine: MachinePlan, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The end of what the machine said while it started, for messages about one that did not. */
  consoleTail(machine: MachinePlan): Promise<string[]>;
  /** The command on the host that runs a program inside: for terminals and streams. */
  enterCommand(machine: MachinePlan, argv: readonly string[], terminal: string): Promise<string[]>;
  /** While a cluster starts, more of the processors for a machine that the others wait for. Never fails. */
  boost(machine: MachinePlan): Promise<void>;
  /** The usual share again, whether or not it was another. Never fails. */
  unboost(machine: MachinePlan): Promise<void>;

  /**
   * What the host lends to a cluster: kernel settings, bridge, routes, NAT. Before its machines are started. Again is
   * harmless.
   * @param folder the cluster's: while it is there, the cluster needs the kernel settings
   */
  setUpHost(plan: ClusterPlan, folder: string): Promise<void>;
  /** Brings a host that is set up to a new plan of the cluster; its kernel settings are those of the first plan. */
  updateHost(plan: ClusterPlan): Promise<void>;
  /** Takes all of it away, however much there is; the machines are gone already. @param folder as in setUpHost */
  tearDownHost(plan: ClusterPlan, folder: string): Promise<void>;
  /** Takes away what machines left on the host whose network they share, when all have been stopped. */
  afterStop(plan: ClusterPlan): Promise<void>;
}
