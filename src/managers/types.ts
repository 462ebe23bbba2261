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
   * Writes the files by which the host runs the machine (launch script, units). The machine's own root file system is not
   * touched. Calling it again with a new plan replaces them; a machine that runs uses them from its next start on.
   * @throws KnestError when a file that is not knest's is in the way
   */
  writeFiles(machine: MachinePlan): Promise<void>;
  /** Starts the machine unless it runs; returns when its process 1 does. */
  start(machine: MachinePlan, signal?: AbortSignal): Promise<void>;
  /** Runs, for a machine that is running, those commands after its start that the new plan has and the old one had not. */
  catchUp(before: MachinePlan, after: MachinePlan): Promise<void>;
  /** Unmounts the root file system of a stopped machine, so that it can be given other layers. */
  releaseRoot(machine: MachinePlan): Promise<void>;
  /** Powers the machine off in order; a machine that does not shut down in time is killed. */
  stop(machine: MachinePlan): Promise<void>;
  /** Ends the machine at once, as pulling the plug does, and takes away everything that running it made. */
  destroy(machine: MachinePlan): Promise<void>;
  /** Runs a program inside. @throws KnestError when the machine does not run, CommandError when the program fails */
  run(machine: MachinePlan, argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The last lines of the machine's console, for the message when it did not start. */
  consoleTail(machine: MachinePlan): Promise<string[]>;
  /** The command on the host that runs a program inside: for terminals and streams. */
  enterCommand(machine: MachinePlan, argv: readonly string[], terminal: string): Promise<string[]>;
  /** Gives a machine that the others wait for a larger share of the processors while a cluster starts. Never fails. */
  boost(machine: MachinePlan): Promise<void>;
  /** Gives the machine its usual share of the processors again. Never fails. */
  unboost(machine: MachinePlan): Promise<void>;

  /**
   * Sets up what a cluster needs on the host before its machines start: kernel settings, bridge, routes, NAT. Calling it
   * again is harmless.
   * @param folder the cluster's state folder: while it exists, the kernel settings are kept
   */
  setUpHost(plan: ClusterPlan, folder: string): Promise<void>;
  /** Brings the host to a new plan of the cluster; the kernel settings stay as they are. */
  updateHost(plan: ClusterPlan): Promise<void>;
  /** Removes all that setUpHost made, or the part of it that there is. Call it after all machines are destroyed. */
  tearDownHost(plan: ClusterPlan, folder: string): Promise<void>;
  /** Removes what the machines left in the host's own network, where they share it. Call it after all have stopped. */
  afterStop(plan: ClusterPlan): Promise<void>;
}
