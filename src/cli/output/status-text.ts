/** The status of a cluster for people: what is well in a line, what is not in full. */

import type { ClusterStatus, EtcdMemberState, NodeStatus } from '../../api/commands.ts';
import { colourless, type Palette } from './frame.ts';
import { renderPort } from './port.ts';
import { oneLine } from './printable.ts';
import { renderTable } from './table.ts';

/** @param wide every unit, also those that are well */
export function renderStatus(
  status: ClusterStatus,
  now: Date,
  wide = false,
  palette: Palette = colourless,
): string {
  const { apiserver, endpoint, server } = status;
  const elsewhere = server === endpoint ? '' : `, from the host ${server}`;
  return [
    `Cluster ${status.name}: ${status.state}, Kubernetes ${status.kubernetesVersion}\n`,
    `  ${mark(apiserver.ok, palette)} API server ${endpoint}${elsewhere}${detail(apiserver.ok ? '' : apiserver.detail)}\n`,
    holderLine(status, palette),
    ...status.apis.filter(({ ok }) => !ok).map((api) => apiLine(api, palette)),
    ...renderHost(status, palette),
    `\n${renderEtcd(status, palette)}`,
    ...status.nodes.map((node) => `\n${renderNode(node, wide, palette)}`),
    ...(status.certificates.length === 0 ? [] : [`\n${renderCertificates(status, now, palette)}`]),
  ].join('');
}

function holderLine({ apiAddress, nodes }: ClusterStatus, palette: Palette): string {
  const holders = nodes.filter(({ holdsApiAddress }) => holdsApiAddress).map(({ name }) => name);
  const who = holders.length === 0 ? 'held by nobody' : `held by ${holders.join(' and ')}`;
  return `  ${mark(holders.length === 1, palette)} its address ${apiAddress}, ${who}\n`;
}

function apiLine({ name, service, detail: why }: ClusterStatus['apis'][number], palette: Palette): string {
  return `  ${mark(false, palette)} ${name}, which ${service} should answer${detail(why)}\n`;
}

/** One line while all is well; what is not, and what mends it, otherwise. */
function renderHost({ name, host }: ClusterStatus, palette: Palette): string[] {
  const broken = host.filter(({ ok }) => !ok);
  if (host.length === 0) return [];
  if (broken.length === 0) return [`  ${mark(true, palette)} what it has on this host is there\n`];
  return [
    ...broken.map(({ says, detail: why }) => `  ${mark(false, palette)} ${oneLine(says)}${detail(why)}\n`),
    `    mend it: knest start cluster --name ${name}\n`,
  ];
}

function renderEtcd({ etcd }: ClusterStatus, palette: Palette): string {
  const { members, quorum } = etcd;
  const well = members.filter(({ ok }) => ok).length;
  const heading = `etcd: ${well} of ${members.length} members are well, ${quorum ? 'quorum' : 'NO QUORUM'}\n`;
  const troubles = members
    .filter(({ ok }) => !ok)
    .map((member) => `  ${mark(false, palette)} ${member.name}${detail(member.detail)}\n`);
  const table = renderTable(
    [
      { heading: 'MEMBER', cell: ({ name }: EtcdMemberState) => name },
      { heading: 'ID', cell: ({ id }) => id },
      { heading: 'ROLE', cell: roleOf },
      { heading: 'VERSION', cell: ({ version }) => version },
      { heading: 'DB SIZE', cell: ({ dbSize }) => (dbSize === undefined ? undefined : megabytes(dbSize)) },
      { heading: 'RAFT TERM', cell: ({ raftTerm }) => raftTerm },
      { heading: 'RAFT INDEX', cell: ({ raftIndex }) => raftIndex },
      { heading: 'ALARMS', cell: ({ alarms }) => alarms.join(',') },
    ],
    members,
  );
  return [heading, ...troubles, ...(members.length === 0 ? [] : [indented(table)])].join('');
}

function roleOf({ leader, learner, version }: EtcdMemberState): string | undefined {
  if (learner) return 'learner';
  if (version === undefined) return undefined;
  return leader ? 'leader' : 'follower';
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function renderNode(node: NodeStatus, wide: boolean, palette: Palette): string {
  const facts = [node.role, node.state, node.status, ...node.addresses, node.kubeletVersion];
  const heading = `Node ${node.name}: ${facts.filter((fact) => fact !== undefined && fact !== '').join(', ')}\n`;
  const ports = node.ports.length === 0 ? [] : [`  ports ${node.ports.map(renderPort).join(', ')}\n`];
  // Conditions that name a pressure are well when they are False; Ready is well when it is True.
  const conditions = node.conditions
    .filter(({ type, status }) => status !== (type === 'Ready' ? 'True' : 'False'))
    .map(({ type, status, reason, message }) => `  ! ${type} is ${status}: ${reason}${detail(message)}\n`);
  return [
    heading,
    ...ports,
    ...renderTroubles(node, palette),
    ...renderProbes(node, palette),
    ...conditions,
    ...renderUnits(node, wide, palette),
  ].join('');
}

function renderProbes({ probes }: NodeStatus, palette: Palette): string[] {
  const well = probes.filter(({ ok }) => ok).map(({ says }) => oneLine(says));
  return [
    ...(well.length === 0 ? [] : [`  ${mark(true, palette)} ${well.join(', ')}\n`]),
    ...probes
      .filter(({ ok }) => !ok)
      .map(({ says, detail: why }) => `  ${mark(false, palette)} ${oneLine(says)}${detail(why)}\n`),
  ];
}

/** The reason first, then how to see more. */
function renderTroubles({ name, troubles }: NodeStatus, palette: Palette): string[] {
  return troubles.flatMap(({ unit, reason }) => [
    `  ${mark(false, palette)} ${unit}: ${oneLine(reason ?? 'says nothing')}\n`,
    `    see more: knest logs ${name} -u ${unit.replace(/\.service$/, '')}\n`,
  ]);
}

function renderUnits({ units }: NodeStatus, wide: boolean, palette: Palette): string[] {
  const restless = units.filter(({ active, restarts }) => active !== 'active' || restarts > 0);
  const active = units.filter((unit) => unit.active === 'active').length;
  const shown = wide ? units : restless;
  const table = renderTable(
    [
      { heading: 'UNIT', cell: ({ name }) => name },
      { heading: 'ACTIVE', cell: ({ active: state, sub }) => `${state} (${sub})` },
      { heading: 'RESULT', cell: ({ result }) => result },
      { heading: 'RESTARTS', cell: ({ restarts }) => restarts },
    ],
    shown,
  );
  return [
    ...(units.length === 0
      ? []
      : [`  ${mark(active === units.length, palette)} ${active} of ${units.length} units are active\n`]),
    ...(shown.length === 0 ? [] : [indented(table)]),
  ];
}

/** Days before its end from which a certificate is shown by name. */
const soon = 30;

function renderCertificates({ name, certificates }: ClusterStatus, now: Date, palette: Palette): string {
  const daysLeft = ({ expires }: { expires: string }): number =>
    Math.floor((Date.parse(expires) - now.getTime()) / 86_400_000);
  const [first] = certificates.toSorted((a, b) => Date.parse(a.expires) - Date.parse(b.expires));
  const ending = certificates.filter((certificate) => daysLeft(certificate) < soon);
  if (!first || ending.length === 0) {
    const until =
      first === undefined ? '' : `, good until ${first.expires.slice(0, 10)} (${daysLeft(first)} days)`;
    return `Certificates: ${certificates.length}${until}\n`;
  }
  const table = renderTable(
    [
      { heading: 'CERTIFICATE', cell: (one: { name: string }) => one.name },
      { heading: 'EXPIRES', cell: ({ expires }) => expires.slice(0, 10) },
      { heading: 'DAYS', cell: daysLeft },
    ],
    ending,
  );
  const heading = `  ${mark(false, palette)} ${ending.length} of ${certificates.length} end within ${soon} days\n`;
  return `Certificates\n${heading}${indented(table)}    renew them: knest renew certificates --name ${name}\n`;
}

function mark(ok: boolean, palette: Palette): string {
  return ok ? palette.good('✓') : palette.bad('✗');
}

function detail(text: string): string {
  return text === '' ? '' : ` (${oneLine(text)})`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
