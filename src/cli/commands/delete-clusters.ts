/** knest delete clusters */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { given, kubeconfigOption, type KubeconfigFlag } from '../options.ts';

interface Flags extends KubeconfigFlag {
  all?: true;
}

export function addDeleteClusters(parent: Command, cli: Cli): void {
  kubeconfigOption(parent.command('clusters'))
    .description('delete several clusters, or all of them')
    .argument('[names...]', 'names of clusters')
    .option('-A, --all', 'delete every cluster on this host')
    .action((names: string[], flags: Flags, self: Command) => deleteClusters(cli, names, flags, self));
}

/** One after the other; a cluster that cannot be deleted does not keep the others. */
async function deleteClusters(cli: Cli, names: string[], { all, kubeconfig }: Flags, command: Command) {
  if (all === undefined && names.length === 0) command.error('error: name the clusters, or say --all');
  if (all !== undefined && names.length > 0) command.error('error: either names or --all, not both');
  const api = await cli.api();
  await withProgress(cli, command, async ({ context, say }) => {
    const wanted = all ? (await api.listClusters(context)).map(({ name }) => name) : [...new Set(names)];
    const deleted: string[] = [];
    const failures: unknown[] = [];
    for (const name of wanted) {
      try {
        const { existed } = await api.deleteCluster({ ...context, name, ...given({ kubeconfig }) });
        if (existed) deleted.push(name);
        else say(`There is no cluster "${name}": nothing to delete.`);
      } catch (error) {
        if (context.signal.aborted) throw error;
        failures.push(error);
      }
    }
    if (deleted.length > 0) say(`Deleted: ${deleted.join(', ')}.`);
    else if (wanted.length === 0) say('There are no clusters.');
    await throwFailures(failures);
  });
}

async function throwFailures(failures: readonly unknown[]): Promise<void> {
  if (failures.length === 0) return;
  if (failures.length === 1) throw failures[0];
  const { KnestError } = await import('../../errors.ts');
  const details = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  throw new KnestError(`${failures.length} clusters could not be deleted`, {
    code: 'DELETE_FAILED',
    details,
    hint: 'delete them one by one with "knest delete cluster --name NAME" to see each error in full',
    cause: failures[0],
  });
}
