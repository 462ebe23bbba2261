import type { RunOptions, RunResult } from '../host/types.ts';
import type { MachinePlan } from '../plan/types.ts';

/** How machines are run on a host: by knest itself (`direct`) or by the host's systemd (`systemd`). */
export interface MachineManager {
  /** Process id of the machine's process 1 as the host sees it; undefined while it does not run. */
  leader(machine: MachinePlan): Promise<number | undefined>;
  /** Starts the machine unless it runs; returns when its process 1 does. */
  start(machine: MachinePlan, signal?: AbortSignal): Promise<void>;
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
}
