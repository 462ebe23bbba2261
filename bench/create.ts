/**
 * How long `knest create cluster` and `knest delete cluster` take: one node beside the floor (bench/floor.ts), one
 * control plane with two workers, and three control planes. All in turn, so that they see the same machine. Warm: one
 * uncounted round comes first. Root only.
 *
 *   npm run bench -- [--runs 5] [--suite trixie]
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { measureFloor } from './floor.ts';
import type { Times } from './floor.ts';
import { timeKnest } from './knest.ts';
import { heading, row } from './statistics.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, suite: { type: 'string', default: 'trixie' } },
});

const topologies = {
  '1 node': [],
  '1 + 2 nodes': ['--nodes', '3'],
  '3 + 0 nodes': ['--control-planes', '3'],
} as const;

type Topology = keyof typeof topologies;
const names = Object.keys(topologies) as Topology[];

interface Created extends Times {
  remove: number;
}

interface Round {
  floor: Times;
  knest: Record<Topology, Created>;
}

async function measureRound(): Promise<Round> {
  const floor = await measureFloor(values.suite);
  const knest: Partial<Record<Topology, Created>> = {};
  for (const name of names) knest[name] = await measureKnest(topologies[name]);
  return { floor, knest: knest as Record<Topology, Created> };
}

async function measureKnest(flags: readonly string[]): Promise<Created> {
  const folder = await mkdtemp(join(tmpdir(), 'knest-bench-'));
  const state = join(folder, 'state');
  try {
    const create = ['create', 'cluster', '--name', 'bench', '--suite', values.suite, ...flags];
    const created = await timeKnest(state, ...create);
    const { usable: remove } = await timeKnest(state, 'delete', 'cluster', '--name', 'bench');
    return { ...created, remove };
  } finally {
    await timeKnest(state, 'delete', 'cluster', '--name', 'bench');
    await rm(folder, { recursive: true, force: true });
  }
}

await measureRound();
const rounds: Round[] = [];
for (let run = 1; run <= Number(values.runs); run += 1) {
  const round = await measureRound();
  rounds.push(round);
  const told = [
    `floor ${times(round.floor)}`,
    ...names.map(
      (name) => `${name} ${times(round.knest[name])}, delete ${round.knest[name].remove.toFixed(2)}`,
    ),
  ];
  process.stderr.write(`round ${run} (Ready / takes pods, s): ${told.join('; ')}\n`);
}

process.stdout.write(heading());
for (const [key, what] of [
  ['ready', 'all nodes Ready'],
  ['usable', 'takes pods'],
] as const) {
  process.stdout.write(
    row(
      `floor, 1 node: ${what}`,
      rounds.map(({ floor }) => floor[key]),
    ),
  );
  for (const name of names) {
    process.stdout.write(
      row(
        `knest, ${name}: ${what}`,
        rounds.map(({ knest }) => knest[name][key]),
      ),
    );
  }
  const ratios = (over: (round: Round) => number, under: (round: Round) => number): number[] =>
    rounds.map((round) => over(round) / under(round));
  process.stdout.write(
    row(
      '  1 node / floor, in rounds',
      ratios(
        ({ knest }) => knest['1 node'][key],
        ({ floor }) => floor[key],
      ),
      '',
    ),
  );
  for (const name of names.slice(1)) {
    process.stdout.write(
      row(
        `  ${name} / 1 node, in rounds`,
        ratios(
          ({ knest }) => knest[name][key],
          ({ knest }) => knest['1 node'][key],
        ),
        '',
      ),
    );
  }
}
for (const name of names) {
  process.stdout.write(
    row(
      `knest, ${name}: delete`,
      rounds.map(({ knest }) => knest[name].remove),
    ),
  );
}

function times({ ready, usable }: Times): string {
  return `${ready.toFixed(2)} / ${usable.toFixed(2)}`;
}
