/**
 * How long `knest create cluster` and `knest delete cluster` take, beside the floor (bench/floor.ts), in pairs, so
 * that both see the same machine. Warm: one uncounted pair comes first. Root only.
 *
 *   npm run bench -- [--runs 5] [--suite trixie]
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { execa } from 'execa';

import { measureFloor } from './floor.ts';
import type { Times } from './floor.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, suite: { type: 'string', default: 'trixie' } },
});
const cli = new URL('../dist/bundle/cli/main.js', import.meta.url).pathname;

interface Pair {
  floor: Times;
  knest: Times;
  remove: number;
}

async function measurePair(): Promise<Pair> {
  const floor = await measureFloor(values.suite);
  const state = await mkdtemp(join(tmpdir(), 'knest-bench-'));
  try {
    const knest = await timeKnest(state, 'create', 'cluster', '--name', 'bench', '--suite', values.suite);
    const { usable: remove } = await timeKnest(state, 'delete', 'cluster', '--name', 'bench');
    return { floor, knest, remove };
  } finally {
    await timeKnest(state, 'delete', 'cluster', '--name', 'bench');
    await rm(state, { recursive: true, force: true });
  }
}

/** From starting the command to its event "Node Ready" and to its end. */
async function timeKnest(state: string, ...args: string[]): Promise<Times> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  let ready = 0;
  const command = execa(
    process.execPath,
    [cli, ...args, '--progress', 'json', '--kubeconfig', join(state, 'kubeconfig')],
    { env: { KNEST_STATE_DIR: state }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  for await (const line of command.iterable({ from: 'stderr' })) {
    const event = JSON.parse(line) as { type?: string; id?: string };
    if (event.type === 'done' && event.id === 'ready') ready = seconds();
  }
  await command;
  return { ready, usable: seconds() };
}

function row(name: string, numbers: readonly number[], unit = ' s'): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
  const show = (value: number | undefined): string => `${(value ?? 0).toFixed(2)}${unit}`.padStart(9);
  return `${name.padEnd(34)}${show(median)}${show(sorted[0])}${show(sorted.at(-1))}\n`;
}

await measurePair();
const pairs: Pair[] = [];
for (let run = 1; run <= Number(values.runs); run += 1) {
  const pair = await measurePair();
  pairs.push(pair);
  const { floor, knest, remove } = pair;
  process.stderr.write(
    `pair ${run}: floor Ready ${floor.ready.toFixed(2)} s, takes pods ${floor.usable.toFixed(2)} s; ` +
      `knest Ready ${knest.ready.toFixed(2)} s, takes pods ${knest.usable.toFixed(2)} s; delete ${remove.toFixed(2)} s\n`,
  );
}
process.stdout.write(
  `${''.padEnd(34)}${['median', 'min', 'max'].map((head) => head.padStart(9)).join('')}\n`,
);
for (const [key, what] of [
  ['ready', 'node Ready'],
  ['usable', 'takes pods'],
] as const) {
  process.stdout.write(
    row(
      `floor: ${what}`,
      pairs.map(({ floor }) => floor[key]),
    ),
  );
  process.stdout.write(
    row(
      `knest create cluster: ${what}`,
      pairs.map(({ knest }) => knest[key]),
    ),
  );
  process.stdout.write(
    row(
      '  knest / floor, in pairs',
      pairs.map(({ floor, knest }) => knest[key] / floor[key]),
      '',
    ),
  );
}
process.stdout.write(
  row(
    'knest delete cluster',
    pairs.map(({ remove }) => remove),
  ),
);
