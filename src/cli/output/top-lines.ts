/** A cluster at one glance as lines of text: pure, so that a test can look at every frame. */

import type { ClusterOverview, NodeOverview, PodOverview } from '../../api/commands.ts';
import { formatAge } from './duration.ts';
import type { Palette } from './frame.ts';
import { oneLine, shorten } from './printable.ts';
import { renderTable, type Column } from './table.ts';

export interface Line {
  text: string;
  style?: keyof Palette;
}

/** Columns and rows that there are. */
export interface Room {
  columns: number;
  rows: number;
}

/** Everything, for where there is room without end. */
export const endless: Room = { columns: Infinity, rows: Infinity };

/** No line is longer than the room is wide; pods and events that do not fit are counted. */
export function topLines(overview: ClusterOverview, { columns, rows }: Room, now: Date): Line[] {
  const nodes = nodeLines(overview);
  const pods = podLines(overview);
  const events = eventLines(overview, now);
  const head = [{ text: title(overview, now) }, ...troubles(overview), empty, ...nodes];
  // two empty lines between the parts
  const rest = Math.max(0, rows - head.length - 2);
  const forEvents = Math.min(events.length, Math.max(Math.floor(rest / 3), rest - pods.length));
  const lines = [
    ...head,
    empty,
    ...fitting(pods, rest - forEvents, 'pods'),
    empty,
    ...fitting(events, forEvents, 'events'),
  ];
  return lines
    .slice(0, rows)
    .map(({ text, ...line }) => ({ ...line, text: shorten(text.trimEnd(), columns) }));
}

const empty: Line = { text: '' };

/** The first lines, of which the very first is a heading; the last of them says how many there are besides. */
function fitting(lines: readonly Line[], room: number, what: string): Line[] {
  if (lines.length <= room) return [...lines];
  if (room < 2) return lines.slice(0, Math.max(0, room));
  return [
    ...lines.slice(0, room - 1),
    { text: `... ${lines.length - room + 1} more ${what}`, style: 'faint' },
  ];
}

function title({ name, state, kubernetesVersion, etcd, nodes }: ClusterOverview, now: Date): string {
  const ready = nodes.filter(({ status }) => status.startsWith('Ready')).length;
  const members = etcd.members.filter(({ ok }) => ok).length;
  return [
    `${name}: ${state}`,
    `Kubernetes ${kubernetesVersion}`,
    `${ready} of ${nodes.length} nodes Ready`,
    `etcd ${members} of ${etcd.members.length}`,
    now.toTimeString().slice(0, 8),
  ].join(', ');
}

function troubles({ apiserver, apis, etcd, measured }: ClusterOverview): Line[] {
  const bad = (text: string): Line => ({ text: `✗ ${oneLine(text)}`, style: 'bad' });
  return [
    ...(apiserver.ok ? [] : [bad(`API server: ${apiserver.detail}`)]),
    ...(etcd.quorum ? [] : [bad('etcd has no quorum: nothing can be written')]),
    ...etcd.members.filter(({ ok }) => !ok).map((member) => bad(`etcd ${member.name}: ${member.detail}`)),
    ...apis.filter(({ ok }) => !ok).map((api) => bad(`${api.name}: ${api.detail}`)),
    ...(apiserver.ok && !measured
      ? [{ text: '! nobody answers metrics.k8s.io: no CPU and memory', style: 'warning' as const }]
      : []),
  ];
}

function nodeLines({ nodes }: ClusterOverview): Line[] {
  const columns: Column<NodeOverview>[] = [
    { heading: 'NODE', cell: ({ name }) => name },
    { heading: 'ROLE', cell: ({ role }) => role },
    { heading: 'STATE', cell: ({ state }) => state },
    { heading: 'STATUS', cell: ({ status }) => status },
    { heading: 'UNITS', cell: unitsOf },
    { heading: 'PODS', cell: ({ pods }) => pods },
    { heading: 'CPU(cores)', cell: ({ used }) => cores(used.cpu) },
    { heading: 'CPU%', cell: ({ used, allocatable }) => share(used.cpu, allocatable.cpu) },
    { heading: 'MEMORY(bytes)', cell: ({ used }) => bytes(used.memory) },
    { heading: 'MEMORY%', cell: ({ used, allocatable }) => share(used.memory, allocatable.memory) },
  ];
  return table(columns, nodes, ({ state, status, units }) => {
    if (state !== 'running' || status === 'NotReady') return 'bad';
    return units.active < units.total || status !== 'Ready' ? 'warning' : undefined;
  });
}

function unitsOf({ units: { active, total, troubled } }: NodeOverview): string | undefined {
  if (total === 0) return undefined;
  const which = troubled.length === 0 ? '' : ` (${troubled.join(', ')})`;
  return `${active}/${total}${which}`;
}

/** By node, those first for which there is none; the busiest of a node first. */
function podLines({ pods, nodes }: ClusterOverview): Line[] {
  const places = new Map(nodes.map(({ name }, index) => [name, index]));
  const place = ({ node }: PodOverview): number => places.get(node ?? '') ?? -1;
  const sorted = pods.toSorted(
    (a, b) =>
      place(a) - place(b) ||
      (b.cpu ?? 0) - (a.cpu ?? 0) ||
      `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`, 'en'),
  );
  const columns: Column<PodOverview>[] = [
    { heading: 'NODE', cell: ({ node }) => node },
    { heading: 'NAMESPACE', cell: ({ namespace }) => namespace },
    { heading: 'POD', cell: ({ name }) => name },
    { heading: 'READY', cell: ({ readyContainers, containers }) => `${readyContainers}/${containers}` },
    { heading: 'STATUS', cell: ({ status }) => oneLine(status) },
    { heading: 'RESTARTS', cell: ({ restarts }) => restarts },
    { heading: 'CPU(cores)', cell: ({ cpu }) => cores(cpu) },
    { heading: 'MEMORY(bytes)', cell: ({ memory }) => bytes(memory) },
  ];
  const ended = ['Succeeded', 'Completed'];
  return table(columns, sorted, ({ status, readyContainers, containers }) =>
    ended.includes(status) || (status === 'Running' && readyContainers === containers)
      ? undefined
      : 'warning',
  );
}

function eventLines({ events }: ClusterOverview, now: Date): Line[] {
  type Event = ClusterOverview['events'][number];
  const columns: Column<Event>[] = [
    { heading: 'AGE', cell: ({ time }) => formatAge(new Date(time), now) },
    { heading: 'TYPE', cell: ({ type }) => oneLine(type) },
    { heading: 'NAMESPACE', cell: ({ namespace }) => namespace },
    { heading: 'OBJECT', cell: ({ object }) => oneLine(object) },
    { heading: 'REASON', cell: ({ reason }) => oneLine(reason) },
    { heading: 'MESSAGE', cell: ({ message }) => oneLine(message) },
  ];
  return table(columns, events, ({ type }) => (type === 'Warning' ? 'warning' : undefined));
}

function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  styleOf: (row: Row) => keyof Palette | undefined,
): Line[] {
  const [heading = '', ...lines] = renderTable(columns, rows).trimEnd().split('\n');
  return [
    { text: heading, style: 'faint' },
    ...lines.map((text, index): Line => {
      const row = rows[index];
      const style = row === undefined ? undefined : styleOf(row);
      return style === undefined ? { text } : { text, style };
    }),
  ];
}

/** As kubectl top: 250m, 64Mi, 6%. */
function cores(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${Math.round(value * 1000)}m`;
}

function bytes(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${Math.round(value / 2 ** 20)}Mi`;
}

function share(used: number | undefined, of: number | undefined): string | undefined {
  return used === undefined || !of ? undefined : `${Math.floor((used / of) * 100)}%`;
}
