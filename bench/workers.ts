/**
 * What workers cost: seconds until one more is Ready, memory and disk of each once it is idle, and how long a cluster
 * of many nodes takes. Root only.
 *
 *   npm run bench:workers -- [--nodes 10] [--settle 30]
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { execa } from 'execa';

import type { NodeSummary } from '../src/operations/types.ts';
import { askKnest, timeKnest } from './knest.ts';
import { heading, row } from './statistics.ts';

const { values } = parseArgs({
  options: {
    /** Of the large cluster. */
    nodes: { type: 'string', default: '10' },
    /** Seconds after which a node counts as idle. */
    settle: { type: 'string', default: '30' },
  },
});
const name = 'bench';

const folder = await mkdtemp(join(tmpdir(), 'knest-bench-'));
const state = join(folder, 'state');
try {
  await timeKnest(state, 'create', 'cluster', '--name', name);
  const added: number[] = [];
  for (let worker = 1; worker <= 4; worker += 1) {
    const { usable } = await timeKnest(state, 'add', 'node', '--name', name);
    added.push(usable);
  }
  await sleep(Number(values.settle) * 1000);
  const machines = JSON.parse(
    await askKnest(state, 'get', 'nodes', '--name', name, '-o', 'json'),
  ) as NodeSummary[];
  const workers = machines.filter(({ role }) => role === 'worker');
  const controlPlanes = machines.filter(({ role }) => role === 'control-plane');
  process.stdout.write(heading());
  process.stdout.write(row('add node: worker Ready', added));
  process.stdout.write(row('worker, idle: memory working set', await each(workers, workingSet), ' MiB', 0));
  process.stdout.write(row('worker: disk of its own', await each(workers, disk), ' MiB', 0));
  process.stdout.write(
    row('control plane, idle: memory working set', await each(controlPlanes, workingSet), ' MiB', 0),
  );
  process.stdout.write(row('control plane: disk of its own', await each(controlPlanes, disk), ' MiB', 0));
  await timeKnest(state, 'delete', 'cluster', '--name', name);
  const many = await timeKnest(state, 'create', 'cluster', '--name', name, '--nodes', values.nodes);
  process.stdout.write(row(`create ${values.nodes} nodes: all Ready`, [many.ready]));
  process.stdout.write(row(`create ${values.nodes} nodes: takes pods`, [many.usable]));
  const { usable: remove } = await timeKnest(state, 'delete', 'cluster', '--name', name);
  process.stdout.write(row(`delete ${values.nodes} nodes`, [remove]));
} finally {
  await timeKnest(state, 'delete', 'cluster', '--name', name);
  await rm(folder, { recursive: true, force: true });
}

async function each(
  machines: readonly NodeSummary[],
  measure: (machine: string) => Promise<number>,
): Promise<number[]> {
  return Promise.all(machines.map((machine) => measure(machine.name)));
}

/** MiB that the kernel could not take back: usage without file pages that nobody has used lately, as the kubelet counts. */
async function workingSet(machine: string): Promise<number> {
  const v1 = `/sys/fs/cgroup/memory/knest/${machine}`;
  const v2 = `/sys/fs/cgroup/knest/${machine}`;
  const [usage, statistics] = await readFile(`${v1}/memory.usage_in_bytes`, 'utf8').then(
    async (text) => [text, await readFile(`${v1}/memory.stat`, 'utf8')] as const,
    async () =>
      [await readFile(`${v2}/memory.current`, 'utf8'), await readFile(`${v2}/memory.stat`, 'utf8')] as const,
  );
  // v1 counts the machine's own cgroup alone first, and then all below it
  const inactive =
    /^total_inactive_file (\d+)$/m.exec(statistics) ?? /^inactive_file (\d+)$/m.exec(statistics);
  return (Number(usage) - Number(inactive?.[1] ?? 0)) / 2 ** 20;
}

/** MiB below the machine's folder, without the layers that it shares. */
async function disk(machine: string): Promise<number> {
  const { stdout } = await execa('du', [
    ...['--summarize', '--one-file-system', '--block-size=1', '--exclude=root'],
    `${state}/machines/${machine}`,
  ]);
  return Number(stdout.split('\t')[0]) / 2 ** 20;
}
