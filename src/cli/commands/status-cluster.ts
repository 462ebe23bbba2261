/** knest status cluster */

import type { Command } from 'commander';
import type { ClusterStatus } from '../../api/types.ts';
import { exitCodes } from '../../errors.ts';
import { withStory, type Cli } from '../cli.ts';
import { nameOption, outputOption, type NameFlag, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';

export function addStatusCluster(parent: Command, cli: Cli): void {
  outputOption(nameOption(parent.command('cluster')), ['text', 'wide', 'json', 'yaml'])
    .description(
      'show machines, units, probes, etcd, conditions and certificates; exits 7 unless every node is Ready and every ' +
        'member of etcd well',
    )
    .action((flags: NameFlag & OutputFlag, self: Command) => statusCluster(cli, flags, self));
}

async function statusCluster(
  cli: Cli,
  { name, output }: NameFlag & OutputFlag,
  command: Command,
): Promise<void> {
  const api = await cli.api();
  const status = await withStory(cli, command, ({ context }) => api.clusterStatus({ ...context, name }));
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
  if (!ready || !status.etcd.members.every(({ ok }) => ok)) cli.exitCode = exitCodes.notReady;
}
