/** knest status cluster */

import { Option, type Command } from 'commander';
import type { ClusterStatus } from '../../api/commands.ts';
import { exitCodes } from '../../errors.ts';
import { withProgress, type Cli } from '../cli.ts';
import { durationArgument, nameOption, outputOption, type NameFlag, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends NameFlag, OutputFlag {
  timeout?: number;
}

export function addStatusCluster(parent: Command, cli: Cli): void {
  outputOption(nameOption(parent.command('cluster')), ['text', 'wide', 'json', 'yaml'])
    .description(
      'show machines, units, probes, etcd, conditions and certificates; exits 7 unless every node is Ready, every ' +
        'member of etcd well, and all there that the cluster has on this host',
    )
    .addOption(
      new Option(
        '--timeout <duration>',
        'how long each answer may take, on very slow hosts (default: 3s to 10s)',
      ).argParser(durationArgument),
    )
    .action((flags: Flags, self: Command) => statusCluster(cli, flags, self));
}

async function statusCluster(cli: Cli, { name, output, timeout }: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const status = await withProgress(cli, command, ({ context }) =>
    api.clusterStatus({ ...context, name, timeout }),
  );
  const [{ renderStatus }, { paletteFor }] = await Promise.all([
    import('../output/status-text.ts'),
    import('../output/colour.ts'),
  ]);
  const palette = paletteFor(cli.terminal.stdout, cli.terminal.env);
  const rendering = {
    text: (value: ClusterStatus, wide: boolean) => renderStatus(value, new Date(), wide, palette),
  };
  cli.terminal.stdout.write(await renderResult(output, status, rendering));
  const ready = status.state === 'running' && status.apiserver.ok && status.nodes.every((node) => node.ready);
  const well = [...status.etcd.members, ...status.host].every(({ ok }) => ok);
  if (!ready || !well) cli.exitCode = exitCodes.notReady;
}
