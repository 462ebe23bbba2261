/** knest export logs */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, type NameFlag } from '../options.ts';

export function addExportLogs(parent: Command, cli: Cli): void {
  nameOption(parent.command('logs'))
    .description("gather a cluster's journals, pod logs, events, plan and versions, to attach to a report")
    .argument('[path]', 'a new folder, or a file NAME.tar.gz (default: a folder in /tmp)')
    .action((path: string | undefined, flags: NameFlag, self: Command) => exportLogs(cli, path, flags, self));
}

async function exportLogs(cli: Cli, path: string | undefined, { name }: NameFlag, command: Command) {
  const api = await cli.api();
  const exported = await withProgress(cli, command, async ({ context, say }) => {
    const where = path === undefined ? {} : { path: resolve(path) };
    const result = await api.exportLogs({ ...context, name, ...where });
    if (result.problems.length > 0) {
      say(`What could not be asked is in problems.txt: ${result.problems.length} of its files are missing.`);
    }
    say(
      "The cluster's keys, tokens and passwords are left out; what workloads print is in it as they print it.",
    );
    return result;
  });
  cli.terminal.stdout.write(`${exported.path}\n`);
}
