/** Moving to another plan, interrupted at every single call to the host: the next command finishes it. */

import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost } from '../../../src/host/memory.ts';
import type { Host } from '../../../src/host/types.ts';
import { unfinishedChange } from '../../../src/operations/change/open-cluster.ts';
import { finishChange } from '../../../src/operations/nodes/finish-change.ts';
import { moveToPlan } from '../../../src/operations/nodes/move-to-plan.ts';
import { issuePki } from '../../../src/pki/issue.ts';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import {
  markCreated,
  readKeyMaterial,
  requireCluster,
  writeCluster,
  writeKeyMaterial,
} from '../../../src/state/clusters.ts';
import { clusterSpec, networkSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';
import { lease } from '../../fixtures/lease.ts';
import { dying, sessionOn } from '../../fixtures/interrupted.ts';
import { fakeManager } from '../../fixtures/machine-manager.ts';

const paths = { state: '/var/lib/knest', cache: '/var/cache/knest' };
const spec = clusterSpec({
  manager: 'direct',
  nodes: nodesOf('control-plane', 'worker'),
  network: networkSpec({ mode: { macvlan: 'eth0' }, dhcp: true }),
});

function leased(controlPlane: string, worker: string, previous?: ClusterPlan): ClusterPlan {
  const leases = { 'knest-control-plane': lease(controlPlane), 'knest-worker': lease(worker) };
  return planOf({ spec, facts: hostFacts({ leases }), ...(previous ? { previous } : {}) });
}

const before = leased('192.0.2.10', '192.0.2.11');
/** What a DHCP server gives after its pool was moved. */
const after = leased('192.0.2.50', '192.0.2.51', before);
const now = new Date();
const oldKeys = issuePki(before.pki, new Map(), now);

/** A host with a cluster of the first plan. */
async function created(): Promise<MemoryHost> {
  const programs = ['ip', 'sh', 'nft', 'test', 'tee', 'bridge', 'modprobe', 'chown', 'sysctl'];
  const host = memoryHost({ answers: Object.fromEntries(programs.map((name) => [name, {}])) });
  for (const { id } of before.layers) await host.makeDirectory(`${paths.cache}/layers/${id}`, 0o755);
  await writeCluster(host, paths, spec, before);
  await writeKeyMaterial(host, paths, 'knest', await oldKeys, new Map());
  await markCreated(host, paths, before, await oldKeys, now);
  return host;
}

const off = fakeManager({}, { leader: () => Promise.resolve(undefined) });

/** The end of following leases: keys are made, then the cluster is brought to the plan with the new addresses. */
async function move(host: Host): Promise<void> {
  const known = await readKeyMaterial(host, paths, 'knest');
  const { applied } = await requireCluster(host, paths, 'knest');
  const material = await issuePki(after.pki, known, now);
  await writeKeyMaterial(host, paths, 'knest', material, known);
  await moveToPlan({ session: sessionOn(host, paths), manager: off, material, applied, plan: after }, spec);
}

async function open(host: Host, notes?: string[]) {
  const record = await requireCluster(host, paths, 'knest');
  const material = await readKeyMaterial(host, paths, 'knest');
  return { session: sessionOn(host, paths, notes), manager: off, material, record };
}

const certificateOf = (host: MemoryHost, machine: string) =>
  host.files.get(`/var/lib/knest/machines/${machine}/upper/etc/kubernetes/pki/kubelet-serving-${machine}.crt`)
    ?.content;

describe('moving to another plan', () => {
  it('leaves nothing to do', async () => {
    const host = await created();
    expect(unfinishedChange(await open(host))).toBeUndefined();
    await move(host);
    const cluster = await open(host);
    expect(cluster.record.plan).toEqual(JSON.parse(JSON.stringify(after)));
    expect(unfinishedChange(cluster)).toBeUndefined();
    expect(certificateOf(host, 'knest-worker')).toBe(
      cluster.material.get('kubelet-serving-knest-worker.crt'),
    );
  });

  it(
    'interrupted anywhere is either not begun or finished by the next command',
    { timeout: 120_000 },
    async () => {
      const outcomes = { nothing: 0, finished: 0 };
      for (let calls = 0; ; calls += 1) {
        const host = await created();
        const killed = dying(host, calls);
        await move(killed.host).catch(() => undefined);
        if (!killed.died()) break;
        const notes: string[] = [];
        const found = await open(host, notes);
        const { record, material } = await finishChange(found);
        // a machine that is off is waited for when it has been started
        const left = unfinishedChange({ record, material })?.machines ?? [];
        expect(
          left.flatMap(({ work }) => work.write),
          `after ${calls} calls`,
        ).toEqual([]);
        // the machines have what the plan says, with the keys that the cluster has
        if (record.plan.endpoint === after.endpoint) {
          outcomes.finished += 1;
          for (const machine of ['knest-control-plane', 'knest-worker']) {
            const file = `kubelet-serving-${machine}.crt`;
            expect(certificateOf(host, machine), `after ${calls} calls`).toBe(material.get(file));
          }
          expect(host.files.get('/var/lib/knest/clusters/knest/kubeconfig')?.content).toContain(after.server);
        } else outcomes.nothing += 1;
      }
      expect(outcomes.nothing).toBeGreaterThan(5);
      expect(outcomes.finished).toBeGreaterThan(20);
    },
  );

  it('is told of when it is finished later', async () => {
    const host = await created();
    await writeCluster(host, paths, spec, after);
    const notes: string[] = [];
    await finishChange(await open(host, notes));
    expect(notes[0]).toBe(
      'going on with a change of the cluster that was interrupted: knest-control-plane changes, ' +
        'knest-worker changes, the network of the host changes',
    );
  });
});
