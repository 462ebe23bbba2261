/** knest get generations */

import type { Command } from 'commander';
import type { Generation } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { clusterOf, outputOption, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends OutputFlag {
  name?: string;
}

export function addGetGenerations(parent: Command, cli: Cli): void {
  const command = parent
    .command('generations')
    .alias('history')
    .description('list what a cluster was before its last changes: what rollback can go back to')
    .argument('[cluster]', 'name of the cluster (default: as of --name)')
    .option('-n, --name <name>', 'name of the cluster (default: "knest")');
  outputOption(command, ['text', 'name', 'json', 'yaml']).action(
    (cluster: string | undefined, flags: Flags, self: Command) => getGenerations(cli, cluster, flags, self),
  );
}

async function getGenerations(
  cli: Cli,
  argument: string | undefined,
  flags: Flags,
  command: Command,
): Promise<void> {
  const name = clusterOf(command, argument, flags.name);
  const api = await cli.api();
  const generations = await withProgress(cli, command, async ({ context, say }) => {
    const list = await api.listGenerations({ ...context, name });
    if (list.length === 0) say(`Cluster "${name}" was not changed yet.`);
    return list;
  });
  const rendering = {
    text: (list: Generation[]) => (list.length === 0 ? '' : renderGenerations(list)),
    names: (list: Generation[]) => list.map(({ number }) => String(number)),
  };
  cli.terminal.stdout.write(await renderResult(flags.output, generations, rendering));
}

function renderGenerations(generations: readonly Generation[]): string {
  return renderTable(
    [
      { heading: 'GENERATION', cell: ({ number }) => number },
      { heading: 'UNTIL', cell: ({ taken }) => taken },
      { heading: 'VERSION', cell: ({ kubernetesVersion }) => kubernetesVersion },
      { heading: 'NODES', cell: ({ nodes }) => nodes },
      { heading: 'DATA', cell: ({ snapshot }) => (snapshot ? `${snapshot.keys} keys` : undefined) },
      { heading: 'THEN CAME', cell: ({ before, says }) => (says === '' ? before : `${before}: ${says}`) },
    ],
    generations,
  );
}
