/** What would change in a cluster, for people. */

import type { ClusterDiff } from '../../api/commands.ts';
import type { Palette } from './frame.ts';

type Change = ClusterDiff['host'][number];
type Machine = ClusterDiff['machines'][number];

const marks = { added: '+', removed: '-', changed: '~' } as const;

/** By host and machine, with what each change costs, and the order at the end. */
export function renderDiff(diff: ClusterDiff, palette: Palette): string {
  if (!diff.differs) return '';
  const lines = [
    ...section(`cluster ${diff.name}`, diff.cluster, palette),
    ...section('host', diff.host, palette),
    ...diff.machines.flatMap((machine) => machineLines(machine, palette)),
    ...orderLines(diff, palette),
  ];
  return `${lines.join('\n')}\n`;
}

function section(title: string, changes: readonly Change[], palette: Palette): string[] {
  const worth = changes.filter(({ what }) => what !== 'description');
  return worth.length === 0 ? [] : [`~ ${title}`, ...worth.map((change) => changeLine(change, palette))];
}

function machineLines({ name, kind, changes }: Machine, palette: Palette): string[] {
  const colour = { added: palette.good, removed: palette.bad, changed: palette.warning }[kind];
  return [`${colour(marks[kind])} ${name}`, ...changes.map((change) => changeLine(change, palette))];
}

function changeLine({ says, cost, units, why }: Change, palette: Palette): string {
  return `    ${says} ${palette.faint(`[${costInWords(cost, units)}: ${why}]`)}`;
}

function costInWords(cost: Change['cost'], units: readonly string[] = []): string {
  switch (cost) {
    case 'none':
      return 'costs nothing';
    case 'unit restarted':
      return `restarts ${units.join(', ')}`;
    case 'machine rebooted':
      return 'the machine starts anew';
    case 'pods moved':
      return 'pods move';
    case 'data lost':
      return 'data is lost';
  }
}

function orderLines({ rollout, cost }: ClusterDiff, palette: Palette): string[] {
  const { leaving, waves, joining } = rollout;
  const turns = [
    ...leaving.map(({ machine, drain }) => `${machine} goes${drain ? ', its pods are evicted first' : ''}`),
    ...waves.map((wave) =>
      wave
        .map(({ machine, drain, reboot, restart }) => {
          const work = reboot
            ? 'starts anew'
            : restart.length > 0
              ? `restarts ${restart.join(', ')}`
              : 'is looked after';
          return `${machine} ${work}${drain ? ', its pods are evicted first' : ''}`;
        })
        .join(' | '),
    ),
    ...(joining.length > 0 ? [`${joining.join(', ')} ${joining.length === 1 ? 'comes' : 'come'}`] : []),
  ];
  if (turns.length === 0) return ['', palette.faint(`The worst it costs: ${costInWords(cost)}.`)];
  return ['', 'In this order:', ...turns.map((turn, index) => `  ${index + 1}. ${turn}`)];
}
