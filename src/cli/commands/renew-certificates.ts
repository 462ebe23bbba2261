/** knest renew certificates */

import type { Command } from 'commander';
import type { RenewedCertificates } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, outputOption, type NameFlag, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends NameFlag, OutputFlag {
  dryRun?: boolean;
}

export function addRenewCertificates(parent: Command, cli: Cli): void {
  outputOption(nameOption(parent.command('certificates')), ['text', 'json', 'yaml', 'name'])
    .description(
      'renew all certificates of a cluster now, those of kubeconfigs included; nodes do it by themselves, too',
    )
    .argument('[cluster]', 'name of the cluster, as --name')
    .option('--dry-run', 'only say what would be renewed, and which units would be restarted')
    .action((cluster: string | undefined, flags: Flags, self: Command) =>
      renewCertificates(cli, { ...flags, name: cluster ?? flags.name }, self),
    );
}

async function renewCertificates(
  cli: Cli,
  { name, output, dryRun = false }: Flags,
  command: Command,
): Promise<void> {
  const api = await cli.api();
  const renewed = await withProgress(cli, command, ({ context }) =>
    api.renewCertificates({ ...context, name, dryRun }),
  );
  const rendering = {
    text: (value: RenewedCertificates) => renderRenewed(value, dryRun),
    names: ({ certificates }: RenewedCertificates) => certificates.map((one) => one.name),
  };
  cli.terminal.stdout.write(await renderResult(output, renewed, rendering));
}

function renderRenewed({ certificates, restarts }: RenewedCertificates, dryRun: boolean): string {
  const table = renderTable(
    [
      { heading: 'CERTIFICATE', cell: ({ name }: { name: string }) => name },
      { heading: 'EXPIRES', cell: ({ expires }) => expires },
    ],
    [...certificates],
  );
  const verb = dryRun ? 'would be restarted' : 'restarted';
  return [table, ...restarts.map(({ node, units }) => `${verb} in ${node}: ${units.join(', ')}\n`)].join('');
}
