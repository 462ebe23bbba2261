/** knest get nodes */

import type { Command } from 'commander';
import type { NodeSummary } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, outputOption, type NameFlag, type OutputFlag } from '../options.ts';
import { renderPort } from '../output/port.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends NameFlag, OutputFlag {
  allClusters?: true;
}

export function addGetNodes(parent: Command, cli: Cli): void {
  const command = nameOption(parent.command('nodes').alias('node'))
    .description('list the nodes of a cluster: the machines, and what the API server says of them')
    .option('-A, --all-clusters', 'nodes of every cluster');
  outputOption(command, ['text', 'name', 'wide', 'json', 'yaml']).action((flags: Flags, self: Command) =>
    getNodes(cli, flags, self),
  );
}

async function getNodes(cli: Cli, { name, allClusters, output }: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const nodes = await withProgress(cli, command, async ({ context, say }) => {
    const list = await api.listNodes(allClusters ? context : { ...context, name });
    if (list.length === 0) say(allClusters ? 'There are no nodes.' : `Cluster "${name}" has no nodes.`);
    return list;
  });
  const rendering = {
    text: (list: NodeSummary[], wide: boolean) => (list.length === 0 ? '' : renderNodes(list, wide)),
    names: (list: NodeSummary[]) => list.map((node) => node.name),
  };
  cli.terminal.stdout.write(await renderResult(output, nodes, rendering));
}

/** STATE is the machine's, STATUS the Node object's. */
function renderNodes(nodes: readonly NodeSummary[], wide: boolean): string {
  const columns = [
    { heading: 'NAME', cell: ({ name }: NodeSummary) => name },
    { heading: 'CLUSTER', cell: ({ cluster }: NodeSummary) => cluster },
    { heading: 'ROLE', cell: ({ role }: NodeSummary) => role },
    { heading: 'STATE', cell: ({ state }: NodeSummary) => state },
    { heading: 'STATUS', cell: ({ status }: NodeSummary) => status },
    { heading: 'VERSION', cell: ({ kubeletVersion }: NodeSummary) => kubeletVersion },
  ];
  const more = [
    { heading: 'ADDRESS', cell: ({ addresses }: NodeSummary) => addresses.join(',') },
    { heading: 'POD SUBNET', cell: ({ podSubnets }: NodeSummary) => podSubnets.join(',') },
    { heading: 'PORTS', cell: ({ ports }: NodeSummary) => ports.map(renderPort).join(',') },
    {
      // as kubectl calls it
      heading: 'CONTAINER-RUNTIME',
      cell: ({ components: { containerd } }: NodeSummary) =>
        containerd === undefined ? undefined : `containerd://${containerd}`,
    },
    { heading: 'PID', cell: ({ leader }: NodeSummary) => leader },
  ];
  return renderTable(wide ? [...columns, ...more] : columns, nodes);
}
