/** Why a unit of a machine is in trouble, from its journal: the reason first, then where there is more. */

import { CommandError, KnestError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { failureReason, withoutDumps } from '../formats/failure-reason.ts';
import type { MachinePlan } from '../plan/types.ts';
import type { MachineManager } from './types.ts';

/** The line that says why may be above the stacks of some hundred goroutines. */
const journalLines = 2000;

/** Why a unit is in trouble, and the last lines of its journal without dumps. */
export async function readFailure(
  manager: Pick<MachineManager, 'run'>,
  machine: MachinePlan,
  unit: string,
  lines: number,
): Promise<{ reason: string | undefined; lines: string[] }> {
  const argv = ['journalctl', '--no-pager', '--output=cat', `--unit=${unit}`, `--lines=${journalLines}`];
  const { stdout } = await manager.run(machine, argv, { okExitCodes: 'any', timeout: 10_000 });
  const journal = stdout.split('\n');
  return { reason: failureReason(journal), lines: withoutDumps(journal).slice(-lines) };
}

/**
 * Does something that waits for a unit in a machine; an error says what the unit does.
 * @throws KnestError code UNIT_FAILED
 */
export async function withReason(
  manager: Pick<MachineManager, 'run'>,
  machine: MachinePlan,
  unit: string,
  work: () => Promise<unknown>,
  { code, says }: { code: ErrorCode; says: string } = {
    code: 'UNIT_FAILED',
    says: `${unit} of ${machine.name} did not start`,
  },
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const none = { reason: undefined, lines: error.details };
    const { reason, lines } = await readFailure(manager, machine, unit, 5).catch(() => none);
    throw new KnestError(`${says}${reason === undefined ? '' : `: ${reason}`}`, {
      code,
      details: lines,
      hint: `see more: knest logs ${machine.name} -u ${unit.replace(/\.service$/, '')}`,
      cause: error,
    });
  }
}
