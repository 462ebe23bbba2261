/** knest rollback cluster */

import type { Command } from 'commander';
import type { RollbackPlan, RollbackResult } from '../../api/commands.ts';
import { askUser } from '../ask.ts';
import { paceOptions, type PaceFlags } from '../change-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import { clusterOf, given, outputOption, positiveArgument, waitOption, type OutputFlag } from '../options.ts';
import { changeLines } from '../output/changes-text.ts';
import { formatSeconds } from '../output/duration.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends PaceFlags, OutputFlag {
  name?: string;
  to?: number;
  /** Milliseconds. */
  wait: number;
  dryRun?: true;
  yes?: true;
}

export function addRollbackCluster(parent: Command, cli: Cli): void {
  const command = parent.command('cluster');
  command
    .description('bring a cluster back to what it was before its last change, or before another one')
    .argument('[cluster]', 'name of the cluster (default: as of --name)')
    .option('-n, --name <name>', 'name of the cluster (default: "knest")')
    .option('--to <generation>', 'number of a generation (default: the newest)', positiveArgument);
  paceOptions(command)
    .option('--dry-run', 'only say what would be done, and what would be lost')
    .option('-y, --yes', 'do not ask');
  outputOption(waitOption(command), ['text', 'json', 'yaml', 'name']).action(
    (cluster: string | undefined, flags: Flags, self: Command) => rollback(cli, cluster, flags, self),
  );
}

async function rollback(
  cli: Cli,
  argument: string | undefined,
  flags: Flags,
  command: Command,
): Promise<void> {
  const name = clusterOf(command, argument, flags.name);
  const api = await cli.api();
  const { maxUnavailable, drainTimeout, wait, to } = flags;
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const asked = { agreed: true };
    const done = await api.rollbackCluster({
      ...context,
      ...{ name, maxUnavailable, drainTimeout, wait, dryRun: flags.dryRun ?? false },
      ...given({ to }),
      confirm: async (planned) => {
        const question = `Bring cluster "${name}" back?`;
        const answer = { yes: flags.yes ?? false, signal: context.signal };
        asked.agreed = await askUser(cli.terminal, { say }, { says: planLines(planned), question }, answer);
        return asked.agreed;
      },
    });
    if (!asked.agreed) say('Nothing was changed.');
    else if (!flags.dryRun) {
      const said = done.before
        ? `Cluster "${name}" is as generation ${done.to.number} again, after ${formatSeconds(done.seconds)}.`
        : `Cluster "${name}" is as generation ${done.to.number} already.`;
      say(said);
    }
    return done;
  });
  const rendering = {
    text: (value: RollbackResult) =>
      flags.dryRun
        ? planLines(value)
            .map((line) => `${line}\n`)
            .join('')
        : '',
    names: (value: RollbackResult) => value.changes.machines.map((machine) => machine.name),
  };
  cli.terminal.stdout.write(await renderResult(flags.output, result, rendering));
}

function planLines({ to, changes, because, lostSince }: RollbackPlan): string[] {
  return [
    `Back to generation ${to.number} of ${to.taken}: Kubernetes ${to.kubernetesVersion}, ${to.nodes} nodes`,
    ...changeLines(changes),
    ...(because === undefined
      ? ['  objects of the cluster stay as they are']
      : [
          `  etcd's data goes back as well: ${because}.`,
          `  LOST: everything written to the API after ${lostSince ?? 'then'}; the API does not answer meanwhile`,
        ]),
  ];
}
