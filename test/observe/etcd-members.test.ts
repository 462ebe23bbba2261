import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import { readEtcd } from '../../src/observe/etcd-members.ts';
import type { KeyMaterial } from '../../src/pki/issue.ts';
import type { MachinePlan } from '../../src/plan/types.ts';
import { etcdMaterial, startEtcd } from '../fixtures/etcd-server.ts';
import type { TestEtcd } from '../fixtures/etcd-server.ts';

/** Only loopback can be listened on, but etcd's port is its port: each member has a loopback address of its own. */
const port = 2379;

const machines = [
  { name: 'cp', role: 'control-plane', address: '127.83.0.1' },
  { name: 'worker', role: 'worker', address: '127.83.0.9' },
  { name: 'cp2', role: 'control-plane', address: '127.83.0.2' },
  { name: 'cp3', role: 'control-plane', address: '127.83.0.3' },
] as unknown as MachinePlan[];

const members = ['1', '2', '3'].map((id) => ({
  ID: id,
  name: id === '1' ? 'cp' : `cp${id}`,
  peerURLs: [`https://127.83.0.${id}:2380`],
}));

let material: KeyMaterial;
let servers: TestEtcd[] = [];
/** What is scripted differently in a test. */
let changes: Record<string, unknown> = {};

beforeAll(async () => {
  material = await etcdMaterial();
  servers = await Promise.all(
    ['1', '2'].map((id) =>
      startEtcd(
        material,
        (path) => {
          if (path in changes) return { body: changes[path] };
          if (path === 'cluster/member/list') return { body: { members } };
          if (path === 'maintenance/alarm') return { body: {} };
          const status = { version: '3.4.23', dbSize: '4096', raftTerm: '7', raftIndex: '20', leader: '2' };
          return { body: { header: { member_id: id }, ...status } };
        },
        { host: `127.83.0.${id}`, port },
      ),
    ),
  );
});

afterAll(async () => {
  for (const server of servers) await server.close();
});

const read = (...running: string[]) =>
  readEtcd({ machines }, new Set(running), material, { timeout: 500, via: localHost() });

describe('readEtcd', () => {
  it('asks every member whose machine runs, and says why others are not well', async () => {
    changes = {};
    const state = await read('cp', 'cp2', 'worker');
    expect(state.quorum).toBe(true);
    expect(state.members).toMatchObject([
      {
        name: 'cp',
        id: '1',
        ok: true,
        leader: false,
        version: '3.4.23',
        dbSize: 4096,
        raftTerm: 7,
        raftIndex: 20,
      },
      { name: 'cp2', id: '2', ok: true, leader: true },
      {
        name: 'cp3',
        id: '3',
        ok: false,
        detail: 'its machine is stopped',
        version: undefined,
        leader: false,
      },
    ]);
  });

  it('a machine that runs but whose etcd does not', async () => {
    const { members: states } = await read('cp', 'cp2', 'cp3');
    expect(states[2]).toMatchObject({ ok: false });
    expect(states[2]?.detail).toContain('ECONNREFUSED 127.83.0.3:2379');
  });

  it('knows the control planes even when no member answers', async () => {
    const state = await read('cp3');
    expect(state.quorum).toBe(false);
    expect(state.members.map(({ name, id, ok }) => [name, id, ok])).toEqual([
      ['cp', undefined, false],
      ['cp2', undefined, false],
      ['cp3', undefined, false],
    ]);
  });

  it('a member that has not started is known by its address, one without a machine is shown', async () => {
    const list = [
      ...members.slice(0, 2),
      { ID: '3', peerURLs: ['https://127.83.0.3:2380'], isLearner: true },
      { ID: '31', name: 'gone', peerURLs: ['https://127.83.0.4:2380'] },
    ];
    changes = { 'cluster/member/list': { members: list } };
    const state = await read('cp', 'cp2');
    expect(state.members.slice(2)).toMatchObject([
      { name: 'cp3', id: '3', learner: true },
      { name: 'gone', id: '1f', ok: false, detail: 'the cluster has no such machine' },
    ]);
    expect(state.quorum).toBe(true);
  });

  it('an alarm belongs to the member that raised it', async () => {
    const errors = ['memberID:2 alarm:NOSPACE '];
    const status = { header: { member_id: '1' }, leader: '2', errors };
    changes = {
      'maintenance/alarm': { alarms: [{ memberID: '2', alarm: 'NOSPACE' }] },
      'maintenance/status': status,
    };
    const { members: states, quorum } = await read('cp', 'cp2');
    expect(states[0]).toMatchObject({ ok: true, healthy: true, alarms: [] });
    expect(states[1]).toMatchObject({ ok: false, detail: 'alarm NOSPACE', alarms: ['NOSPACE'] });
    // it takes no writes from clients, but it votes
    expect(states[1]).toMatchObject({ healthy: true });
    expect(quorum).toBe(true);
  });

  it('a member without a leader is not well', async () => {
    changes = { 'maintenance/status': { header: { member_id: '1' }, errors: ['etcdserver: no leader'] } };
    const [cp] = (await read('cp')).members;
    expect(cp).toMatchObject({ ok: false, healthy: false, leader: false, detail: 'etcdserver: no leader' });
  });
});
