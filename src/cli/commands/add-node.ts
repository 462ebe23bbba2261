/** knest add node */

import type { Command } from 'commander';
import type { AddNodesResult } from '../../api/commands.ts';
import type { NodeRole } from '../../spec/types.ts';
import { withProgress, type Cli } from '../cli.ts';
import { nodeRoles } from '../../spec/words.ts';
import { changeOptions, type ChangeFlags } from '../node-options.ts';
import {
  countArgument,
  nameOption,
  outputOption,
  waitOption,
  yesOption,
  type NameFlag,
  type OutputFlag,
} from '../options.ts';
import { formatSeconds } from '../output/duration.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends NameFlag, ChangeFlags, OutputFlag {
  role: NodeRole;
  count: number;
  /** Milliseconds. */
  wait: number;
  retain?: true;
  /** false: not by the lock of the cluster. */
  lock: boolean;
  yes?: true;
}

export function addAddNode(parent: Command, cli: Cli): void {
  const command = nameOption(parent.command('node').alias('nodes')).description(
    'add nodes to a cluster that runs',
  );
  command
    .addOption(command.createOption('--role <role>', 'what they are').choices(nodeRoles).default('worker'))
    .option('--count <number>', 'how many', countArgument, 1);
  waitOption(changeOptions(command))
    .option('--retain', 'keep what was made when adding fails, to look at it')
    .option(
      '--no-lock',
      'make them of what there is now, and not by the lock that the cluster was made with',
    );
  outputOption(yesOption(command), ['text', 'json', 'yaml', 'name']).action((flags: Flags, self: Command) =>
    addNode(cli, flags, self),
  );
}

async function addNode(cli: Cli, flags: Flags, command: Command): Promise<void> {
  if (flags.count === 0) command.error("error: option '--count <number>' must be at least 1");
  const { readChanges } = await import('../new-node-options.ts');
  const changes = readChanges(flags);
  const api = await cli.api();
  const { name, role, count, wait } = flags;
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const added = await api.addNodes({
      ...context,
      name,
      role,
      count,
      changes,
      wait,
      retain: flags.retain ?? false,
      lock: flags.lock,
      yes: flags.yes ?? false,
    });
    say(sentence(added, wait > 0));
    return added;
  });
  const rendering = { text: () => '', names: ({ nodes }: AddNodesResult) => nodes };
  cli.terminal.stdout.write(await renderResult(flags.output, result, rendering));
}

function sentence({ name, nodes, seconds }: AddNodesResult, waited: boolean): string {
  const verb = nodes.length === 1 ? 'is' : 'are';
  const state = waited ? `Ready after ${formatSeconds(seconds)}` : 'starting';
  return `${nodes.join(', ')} ${verb} ${state}, in cluster "${name}".`;
}
