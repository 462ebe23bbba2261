/** knest top */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ClusterOverview } from '../../api/commands.ts';
import type { Api, Cli } from '../cli.ts';
import { nameOption, outputOption, type NameFlag, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';

/** Milliseconds between two looks. */
const interval = 2000;

export function addTop(parent: Command, cli: Cli): void {
  outputOption(nameOption(parent.command('top')), ['text', 'json', 'yaml'])
    .description(
      'a live picture of a cluster: nodes, units, etcd, pods, CPU and memory, events; "q" ends it. Where there is no ' +
        'terminal, and with -o json or yaml, one look',
    )
    .action((flags: NameFlag & OutputFlag) => top(cli, flags));
}

async function top(cli: Cli, { name, output }: NameFlag & OutputFlag): Promise<void> {
  const { terminal, interruption } = cli;
  const api = await cli.api();
  const { signal } = interruption;
  const first = await api.clusterOverview({ name, signal });
  const { endless, topLines } = await import('../output/top-lines.ts');
  if (output === 'text' && terminal.stdout.isTTY && terminal.stdinIsTTY && terminal.env['TERM'] !== 'dumb') {
    await live(cli, api, first);
    return;
  }
  const rendering = {
    text: (overview: ClusterOverview) =>
      topLines(overview, endless, new Date())
        .map(({ text }) => `${text}\n`)
        .join(''),
  };
  terminal.stdout.write(await renderResult(output, first, rendering));
}

async function live({ terminal, interruption }: Cli, api: Api, first: ClusterOverview): Promise<void> {
  const [{ openScreen }, { topLines }, { paletteFor }] = await Promise.all([
    import('../output/full-screen.ts'),
    import('../output/top-lines.ts'),
    import('../output/colour.ts'),
  ]);
  const { signal } = interruption;
  const screen = openScreen(terminal, paletteFor(terminal.stdout, terminal.env));
  const over = AbortSignal.any([screen.quit, signal]);
  const isOver = (): boolean => over.aborted;
  const ended = new Promise<undefined>((resolve) => {
    over.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  try {
    let overview: ClusterOverview | undefined = first;
    while (overview && !isOver()) {
      const known = overview;
      screen.show((room) => topLines(known, room, new Date()));
      await Promise.race([sleep(interval, undefined, { signal: over }).catch(() => undefined), ended]);
      // nobody who wants to leave waits for an answer
      overview = isOver()
        ? undefined
        : await Promise.race([api.clusterOverview({ name: first.name, signal }), ended]);
    }
  } finally {
    screen.close();
  }
  signal.throwIfAborted();
}
