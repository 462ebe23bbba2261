/** The way to a plan for a machine of which it is not known how much of an earlier change it has. */

import type { MachinePlan } from '../plan/types.ts';
import { diffMachine } from './diff-machine.ts';
import type { MachineDifference, MachineWork } from './types.ts';

/**
 * What is to be done so that a machine is as a plan says, whichever of several plans each part of it follows now: all that
 * would be to do from one of them.
 * @param befores the plan that it had, and those that it was on its way to
 * @param renewed as of diffMachine
 * @returns undefined when it has what the plan says, whichever it follows
 */
export function diffFromEither(
  befores: readonly MachinePlan[],
  after: MachinePlan,
  renewed?: ReadonlySet<string>,
): MachineDifference | undefined {
  const differences = befores.flatMap((before) => diffMachine(before, after, renewed) ?? []);
  const [first, ...others] = differences;
  if (!first || others.length === 0) return first;
  const said = new Map(differences.flatMap(({ changes }) => changes).map((one) => [one.says, one]));
  return {
    name: after.name,
    kind: 'changed',
    changes: [...said.values()],
    work: differences.map(({ work }) => work).reduce((a, b) => both(a, b, after)),
  };
}

function both(a: MachineWork, b: MachineWork, after: MachinePlan): MachineWork {
  const write = new Map([...a.write, ...b.write].map((file) => [file.path, file]));
  const restart = new Set([...a.restart, ...b.restart]);
  return {
    write: [...write.values()],
    remove: unique(a.remove, b.remove),
    stop: unique(a.stop, b.stop),
    // in the order of the plan: etcd before those that need it
    restart: after.units.map(({ name }) => name).filter((name) => restart.has(name)),
    reload: a.reload || b.reload,
    reboot: a.reboot || b.reboot,
    removeFromHost: unique(a.removeFromHost, b.removeFromHost),
  };
}

function unique(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
