/** A cluster whose record is damaged is deleted by what is left of it. */

import { expect, it } from 'vitest';

import { directHost } from '../../../src/managers/direct/host.ts';
import { runOf } from '../../../src/plan/managers/run-of.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost } from '../../../src/host/memory.ts';
import { deleteDamaged } from '../../../src/operations/delete/salvage.ts';
import { issuePki } from '../../../src/pki/issue.ts';
import type { MachinePlan } from '../../../src/plan/types.ts';
import { clusterFolder, markCreated, writeCluster, writeKeyMaterial } from '../../../src/state/clusters.ts';
import { clusterSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';
import { fakeManager } from '../../fixtures/machine-manager.ts';

const paths = { state: '/var/lib/knest', cache: '/var/cache/knest' };
const folder = clusterFolder(paths, 'knest');
const spec = clusterSpec({ manager: 'direct', nodes: nodesOf('control-plane', 'worker') });
const plan = planOf({ spec });
const machines = plan.machines.map(({ name }) => name);

async function damagedHost(...files: string[]): Promise<MemoryHost> {
  const host = memoryHost({
    answers: Object.fromEntries(['ip', 'sh', 'nft', 'test', 'rmdir'].map((one) => [one, {}])),
  });
  await writeCluster(host, paths, spec, plan);
  const material = await issuePki(plan.pki, new Map(), new Date());
  await writeKeyMaterial(host, paths, 'knest', material, new Map());
  await markCreated(host, paths, plan, material, new Date());
  for (const name of machines) await host.writeFile(`${paths.state}/machines/${name}/launch`, '', 0o755);
  for (const file of files) await host.writeFile(`${folder}/${file}`, '{"version": 3, "clus', 0o600);
  return host;
}

async function remove(host: MemoryHost) {
  const destroyed: MachinePlan[] = [];
  const notes: string[] = [];
  const manager = fakeManager(
    {},
    {
      ...directHost(host),
      destroy: (machine) => {
        destroyed.push(machine);
        return Promise.resolve();
      },
    },
  );
  const session = {
    ...{ host, paths, workstation: thisWorkstation(), signal: new AbortController().signal },
    listener: (event: { type: string; message?: string }) => {
      if (event.type === 'note') notes.push(event.message ?? '');
    },
  };
  await deleteDamaged(session, 'knest', manager);
  return { destroyed, notes };
}

it.each([
  [['plan.json']],
  [['spec.json']],
  [['applied/host.json', 'spec.json']],
  [['plan.json', 'spec.json']],
])('all of it where %j is damaged: the rest says enough', async (files) => {
  const host = await damagedHost(...files);
  const { destroyed, notes } = await remove(host);
  expect(destroyed.map(({ name }) => name).sort()).toEqual(machines);
  expect(notes).toEqual(['the record of cluster "knest" is damaged: deleting what is known of it']);
  // its network as well
  const commands = host.commands.map((argv) => argv.join(' '));
  for (const { argv } of plan.host.teardown.filter(({ unless }) => unless === undefined))
    expect(commands).toContain(argv.join(' '));
  expect(await host.stat(folder)).toBeUndefined();
});

it('its machines by the names in its keys where no plan can be read, and says what may be left', async () => {
  const host = await damagedHost('plan.json', 'applied/host.json', 'applied/machines/knest-worker.json');
  const { destroyed, notes } = await remove(host);
  expect(destroyed.map((machine) => [machine.name, machine.folder, runOf(machine, 'direct').path])).toEqual(
    machines.map((name) => [
      name,
      `${paths.state}/machines/${name}`,
      `${paths.state}/machines/${name}/launch`,
    ]),
  );
  expect(host.commands.map((argv) => argv.join(' '))).toContain(`ip link delete dev ${plan.network.bridge}`);
  expect(notes).toEqual([expect.stringContaining('knest-control-plane, knest-worker, the link')]);
  expect(host.commands).toContainEqual(['nft', 'delete', 'table', 'ip6', 'knest_knest']);
  expect(await host.stat(folder)).toBeUndefined();
});
