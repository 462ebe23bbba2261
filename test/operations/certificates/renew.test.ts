/** Renewing a cluster's certificates on paper, also when it is interrupted at any call to the host. */

import { beforeAll, describe, expect, it, vi } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost } from '../../../src/host/memory.ts';
import type { Host } from '../../../src/host/types.ts';
import { unfinishedChange } from '../../../src/operations/change/open-cluster.ts';
import { finishChange } from '../../../src/operations/nodes/finish-change.ts';
import { issuePki, secondsLeft } from '../../../src/pki/issue.ts';
import type { KeyMaterial } from '../../../src/pki/issue.ts';
import {
  markCreated,
  readKeyMaterial,
  requireCluster,
  writeCluster,
  writeKeyMaterial,
} from '../../../src/state/clusters.ts';
import { clusterSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';
import { dying, sessionOn } from '../../fixtures/interrupted.ts';
import { fakeManager } from '../../fixtures/machine-manager.ts';

vi.mock('../../../src/workstation/agent-program.ts', () => ({
  agentProgram: () => Promise.resolve('agent'),
}));

const paths = { state: '/var/lib/knest', cache: '/var/cache/knest' };
const day = 24 * 60 * 60;
const spec = clusterSpec({ manager: 'direct', nodes: nodesOf('control-plane', 'worker') });
const plan = planOf({ spec });

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * day * 1000);
}

/** A host with a cluster whose certificates were issued so many days ago. */
async function cluster(material: KeyMaterial): Promise<MemoryHost> {
  const host = memoryHost({ answers: {} });
  for (const { id } of plan.layers) await host.makeDirectory(`${paths.cache}/layers/${id}`, 0o755);
  await writeCluster(host, paths, spec, plan);
  await writeKeyMaterial(host, paths, 'knest', material, new Map());
  await markCreated(host, paths, plan, material, daysAgo(310));
  return host;
}

/** On paper nobody would become Ready again. */
const off = fakeManager({}, { leader: () => Promise.resolve(undefined) });

async function open(host: Host, manager = fakeManager({ systemctl: '', ip: '' }), notes?: string[]) {
  const record = await requireCluster(host, paths, 'knest');
  const material = await readKeyMaterial(host, paths, 'knest');
  return { session: sessionOn(host, paths, notes), manager, material, record };
}

const inMachine = (host: MemoryHost, machine: string, file: string): string =>
  host.files.get(`/var/lib/knest/machines/${machine}/upper/etc/kubernetes/pki/${file}`)?.content ?? '';

describe('a cluster whose certificates end within sixty days', () => {
  let old: KeyMaterial;
  beforeAll(async () => {
    old = await issuePki(plan.pki, new Map(), daysAgo(310));
  });

  it('gets new ones before it is changed: the same keys and authorities', async () => {
    const host = await cluster(old);
    const manager = fakeManager({ systemctl: '', ip: '' });
    const notes: string[] = [];
    const finished = await finishChange(await open(host, manager, notes));
    expect(notes[0]).toMatch(/^certificates end within 60 days and are renewed: admin, /);
    expect(unfinishedChange(finished)).toBeUndefined();
    for (const { name } of plan.pki.certificates) {
      expect(finished.material.get(`${name}.key`)).toBe(old.get(`${name}.key`));
      expect(secondsLeft(finished.material.get(`${name}.crt`) ?? '', new Date())).toBeGreaterThan(364 * day);
    }
    expect(finished.material.get('ca.crt')).toBe(old.get('ca.crt'));
    for (const file of ['kubelet-serving-knest-worker.crt', 'kube-proxy.crt']) {
      expect(inMachine(host, 'knest-worker', file)).toBe(finished.material.get(file));
    }
    // Kubernetes 1.20: all but the kubelet look at their files again
    const restarts = manager.commands.filter((line) => / (try-)?restart /.test(line));
    expect(restarts).toEqual([
      'systemctl restart -- kubelet.service',
      'systemctl restart -- kubelet.service',
    ]);
  });

  it('keeps those that last', async () => {
    const fresh = await issuePki(plan.pki, new Map(), daysAgo(300));
    const host = await cluster(fresh);
    const notes: string[] = [];
    const { material } = await finishChange(await open(host, undefined, notes));
    expect(notes).toEqual([]);
    expect(material.get('admin.crt')).toBe(fresh.get('admin.crt'));
  });

  it('interrupted anywhere, the next command finishes it', { timeout: 120_000 }, async () => {
    let finished = 0;
    for (let calls = 0; ; calls += 3) {
      const host = await cluster(old);
      const killed = dying(host, calls);
      await finishChange({ ...(await open(host, off)), session: sessionOn(killed.host, paths) }).catch(
        () => undefined,
      );
      if (!killed.died()) break;
      const after = await finishChange(await open(host, off));
      // a machine that is off is waited for when it has been started
      const left = unfinishedChange(after)?.machines ?? [];
      expect(
        left.flatMap(({ work }) => work.write),
        `after ${calls} calls`,
      ).toEqual([]);
      for (const { name } of plan.pki.certificates) {
        const left = secondsLeft(after.material.get(`${name}.crt`) ?? '', new Date());
        expect([name, left > 364 * day], `after ${calls} calls`).toEqual([name, true]);
      }
      expect(inMachine(host, 'knest-worker', 'kube-proxy.crt')).toBe(after.material.get('kube-proxy.crt'));
      finished += 1;
    }
    expect(finished).toBeGreaterThan(10);
  });
});
