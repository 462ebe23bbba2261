/** knest get clusters */

import type { Command } from 'commander';
import type { ClusterSummary } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { outputOption, type OutputFlag } from '../options.ts';
import { formatAge } from '../output/duration.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

export function addGetClusters(parent: Command, cli: Cli): void {
  outputOption(parent.command('clusters').alias('cluster'), ['text', 'name', 'wide', 'json', 'yaml'])
    .description('list the clusters on this host')
    .action((flags: OutputFlag, self: Command) => getClusters(cli, flags, self));
}

async function getClusters(cli: Cli, { output }: OutputFlag, command: Command): Promise<void> {
  const api = await cli.api();
  const clusters = await withProgress(cli, command, async ({ context, say }) => {
    const list = await api.listClusters(context);
    if (list.length === 0) say('There are no clusters.');
    return list;
  });
  const rendering = {
    text: (list: ClusterSummary[], wide: boolean) =>
      list.length === 0 ? '' : renderClusters(list, wide, new Date()),
    names: (list: ClusterSummary[]) => list.map(({ name }) => name),
  };
  cli.terminal.stdout.write(await renderResult(output, clusters, rendering));
}

function renderClusters(clusters: readonly ClusterSummary[], wide: boolean, now: Date): string {
  const columns = [
    { heading: 'NAME', cell: ({ name }: ClusterSummary) => name },
    { heading: 'STATE', cell: ({ state }: ClusterSummary) => state },
    { heading: 'NODES', cell: ({ nodes }: ClusterSummary) => nodes },
    { heading: 'VERSION', cell: ({ kubernetesVersion }: ClusterSummary) => kubernetesVersion },
    { heading: 'AGE', cell: ({ created }: ClusterSummary) => formatAge(new Date(created), now) },
  ];
  const more = [{ heading: 'ENDPOINT', cell: ({ endpoint }: ClusterSummary) => endpoint }];
  return renderTable(wide ? [...columns, ...more] : columns, clusters);
}
