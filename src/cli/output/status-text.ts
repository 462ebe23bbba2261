/** The status of a cluster for people: what is well in a line, what is not in full. */

import type { ClusterStatus, NodeStatus } from '../../api/types.ts';
import { colourless, type Palette } from './frame.ts';
import { oneLine } from './printable.ts';
import { renderTable } from './table.ts';

export function renderStatus(status: ClusterStatus, now: Date, palette: Palette = colourless): string {
  const { apiserver } = status;
  return [
    `Cluster ${status.name}: ${status.state}, Kubernetes ${status.kubernetesVersion}\n`,
    `  ${mark(apiserver.ok, palette)} API server ${status.endpoint}${detail(apiserver.ok ? '' : apiserver.detail)}\n`,
    ...status.nodes.map((node) => `\n${renderNode(node, palette)}`),
    ...(status.certificates.length === 0 ? [] : [`\n${renderCertificates(status, now)}`]),
  ].join('');
}

function renderNode(node: NodeStatus, palette: Palette): string {
  const facts = [
    node.role,
    node.state,
    node.ready ? 'Ready' : 'not Ready',
    node.address,
    node.kubeletVersion,
  ];
  const probes = node.probes.map(
    ({ says, ok, detail: why }) => `  ${mark(ok, palette)} ${oneLine(says)}${detail(ok ? '' : why)}\n`,
  );
  // Conditions that name a pressure are well when they are False; Ready is well when it is True.
  const conditions = node.conditions
    .filter(({ type, status }) => status !== (type === 'Ready' ? 'True' : 'False'))
    .map(({ type, status, reason, message }) => `  ! ${type} is ${status}: ${reason}${detail(message)}\n`);
  const units = renderTable(
    [
      { heading: 'UNIT', cell: ({ name }) => name },
      { heading: 'ACTIVE', cell: ({ active, sub }) => `${active} (${sub})` },
      { heading: 'RESULT', cell: ({ result }) => result },
      { heading: 'RESTARTS', cell: ({ restarts }) => restarts },
    ],
    node.units,
  );
  const heading = `Node ${node.name}: ${facts.filter((fact) => fact !== undefined && fact !== '').join(', ')}\n`;
  return [heading, ...probes, ...conditions, ...(node.units.length === 0 ? [] : [indented(units)])].join('');
}

function renderCertificates({ certificates }: ClusterStatus, now: Date): string {
  const table = renderTable(
    [
      { heading: 'CERTIFICATE', cell: ({ name }) => name },
      { heading: 'EXPIRES', cell: ({ expires }) => expires.slice(0, 10) },
      {
        heading: 'DAYS',
        cell: ({ expires }) => Math.floor((Date.parse(expires) - now.getTime()) / 86_400_000),
      },
    ],
    certificates,
  );
  return `Certificates\n${indented(table)}`;
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
