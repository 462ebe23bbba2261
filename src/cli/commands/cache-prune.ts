/** knest cache prune */

import type { Command } from 'commander';
import type { PruneResult } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { durationArgument, given, outputOption, type OutputFlag } from '../options.ts';
import { renderBytes } from '../output/bytes.ts';
import { renderResult } from '../output/result.ts';
import { renderEntries } from './cache-list.ts';

interface Flags extends OutputFlag {
  all?: true;
  olderThan?: number;
  dryRun?: true;
}

export function addCachePrune(parent: Command, cli: Cli): void {
  const command = parent
    .command('prune')
    .description(
      'remove from the cache what interrupted builds have left, and layers that newer ones have replaced',
    )
    .option('-A, --all', 'remove every layer that no cluster uses')
    .option('--older-than <duration>', 'only what was built longer ago, like 30d', durationArgument)
    .option('--dry-run', 'say what would be removed, and remove nothing');
  outputOption(command, ['text', 'name', 'json', 'yaml']).action((flags: Flags, self: Command) =>
    cachePrune(cli, flags, self),
  );
}

async function cachePrune(cli: Cli, { output, ...options }: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const result = await withProgress(cli, command, ({ context }) =>
    api.pruneCache({ ...context, ...given(options) }),
  );
  const verb = options.dryRun ? 'Would free' : 'Freed';
  const rendering = {
    text: ({ removed, freed }: PruneResult) =>
      removed.length === 0
        ? 'Nothing to remove.\n'
        : `${renderEntries(removed, false, new Date())}\n${verb} ${renderBytes(freed)}.\n`,
    names: ({ removed }: PruneResult) => [...new Set(removed.map(({ id }) => id))],
  };
  cli.terminal.stdout.write(await renderResult(output, result, rendering));
}
