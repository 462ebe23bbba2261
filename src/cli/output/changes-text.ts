/** A change that is planned, for people: what it costs each machine. */

import type { ClusterChanges, MachineDifference } from '../../api/commands.ts';

const verbs = { added: 'comes', removed: 'goes', changed: 'changes' } as const;

/** One line a machine, and one for the host where it changes. */
export function changeLines({ host, machines }: ClusterChanges): string[] {
  return [
    ...(host.length === 0 ? [] : [`  host: ${host.map(({ says }) => says).join('; ')}`]),
    ...machines.map((machine) => `  ${machine.name}: ${machineLine(machine)}`),
  ];
}

function machineLine({ kind, changes, work }: MachineDifference): string {
  if (kind !== 'changed') return verbs[kind];
  const told = changes.filter(({ what }) => what === 'kubernetes version' || what === 'component version');
  const cost = work.reboot
    ? 'the machine is restarted'
    : work.restart.length > 0
      ? `restarted: ${work.restart.join(', ')}`
      : 'nothing is restarted';
  return [...told.map(({ says }) => says), cost].join('; ');
}
