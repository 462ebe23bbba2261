/** knest kubectl */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, type NameFlag } from '../options.ts';

export function addKubectl(parent: Command, cli: Cli): void {
  nameOption(parent.command('kubectl'), { short: false })
    .description('run the kubectl that fits a cluster, on that cluster')
    .usage('[options] -- <arguments...>')
    .argument('[arguments...]', 'arguments of kubectl, after "--"')
    .showHelpAfterError('Put "--" before the arguments of kubectl: knest kubectl -- get nodes -o wide')
    .action((args: string[], flags: NameFlag, self: Command) => kubectl(cli, args, flags, self));
}

async function kubectl(cli: Cli, args: string[], { name }: NameFlag, command: Command): Promise<void> {
  const api = await cli.api();
  cli.interruption.leaveToChild();
  cli.exitCode = await withProgress(
    cli,
    command,
    ({ context }) => api.runKubectl({ ...context, name, argv: args }),
    { ownsTerminal: false },
  );
}
