import { CommandError, messageOf, tail } from '../errors.ts';
import type { MachineManager } from '../managers/types.ts';
import type { MachinePlan, Probe } from '../plan/types.ts';

export interface ProbeAnswer {
  says: string;
  ok: boolean;
  detail: string;
}

/** Milliseconds: ctr(8), for one, waits for a containerd that is not there. */
const usualProbeTimeout = 5_000;

/** Asks inside the machine; that nobody answers is an answer. @param timeout milliseconds */
export async function runProbe(
  manager: MachineManager,
  machine: MachinePlan,
  { says, argv }: Probe,
  timeout = usualProbeTimeout,
): Promise<ProbeAnswer> {
  try {
    const { exitCode, stdout, stderr } = await manager.run(machine, argv, { okExitCodes: 'any', timeout });
    return { says, ok: exitCode === 0, detail: tail(exitCode === 0 ? stdout : stderr, 1).join('') };
  } catch (error) {
    if (error instanceof CommandError && error.reason === 'timeout') {
      return { says, ok: false, detail: `no answer within ${timeout / 1000} s` };
    }
    return { says, ok: false, detail: messageOf(error) };
  }
}
