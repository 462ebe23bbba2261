import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { localHost } from '../../../src/host/local.ts';
import { etcdClient, EtcdError } from '../../../src/clients/etcd/client.ts';
import { hexId } from '../../../src/clients/etcd/objects.ts';
import { etcdClientUrl } from '../../../src/plan/components/etcd.ts';
import type { EtcdClient } from '../../../src/clients/etcd/client.ts';
import type { KeyMaterial } from '../../../src/pki/issue.ts';
import { etcdMaterial, startEtcd } from '../../fixtures/etcd-server.ts';
import type { EtcdScript, TestEtcd } from '../../fixtures/etcd-server.ts';

/** As etcd 3.5.16 answered, with three members of which the last was just announced as a learner. */
const header = { cluster_id: '5351384033412488066', member_id: '12428976124636271536', raft_term: '2' };
const memberList = {
  header,
  members: [
    { ID: '6094581469650864925', name: 'b', peerURLs: ['https://b:2380'], clientURLs: ['https://b:2379'] },
    { ID: '12428976124636271536', name: 'a', peerURLs: ['https://a:2380'], clientURLs: ['https://a:2379'] },
    { ID: '17088423831775458271', peerURLs: ['https://c:2380'], isLearner: true },
  ],
};
const learner = {
  id: '17088423831775458271',
  name: '',
  peerUrls: ['https://c:2380'],
  clientUrls: [],
  learner: true,
};
const status = {
  header,
  version: '3.5.16',
  dbSize: '20480',
  dbSizeInUse: '16384',
  leader: '12428976124636271536',
  raftIndex: '8',
  raftTerm: '2',
  raftAppliedIndex: '8',
};

/** Refusals of 3.5 and of 3.4, which differ in status and shape. */
const refusal35 = { status: 400, body: { code: 9, message: 'etcdserver: not leader' } };
const unhealthy34 = {
  status: 503,
  body: { error: 'etcdserver: unhealthy cluster', message: 'etcdserver: unhealthy cluster', code: 14 },
};

let material: KeyMaterial;
const servers: TestEtcd[] = [];
const clients: EtcdClient[] = [];

beforeAll(async () => {
  material = await etcdMaterial();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) await server.close();
});

/** A client of members that answer from their scripts, one each. */
async function clientOf(...scripts: EtcdScript[]): Promise<EtcdClient> {
  for (const script of scripts) servers.push(await startEtcd(material, script));
  return track(
    etcdClient(
      servers.map(({ endpoint }) => endpoint),
      material,
      { timeout: 300, via: localHost() },
    ),
  );
}

function track(client: EtcdClient): EtcdClient {
  clients.push(client);
  return client;
}

const answering =
  (body: unknown): EtcdScript =>
  () => ({ body });

describe('etcdClient', () => {
  it('reads members; ids stay texts, as they are too large for numbers', async () => {
    const client = await clientOf(answering(memberList));
    const [first, , last] = await client.members();
    expect(first).toEqual({
      ...{ id: '6094581469650864925', name: 'b', learner: false },
      ...{ peerUrls: ['https://b:2380'], clientUrls: ['https://b:2379'] },
    });
    expect(last).toEqual(learner);
    expect(servers[0]?.requests).toEqual(['cluster/member/list {}']);
  });

  it('reads the status of one member', async () => {
    const client = await clientOf(answering(status));
    expect(await client.status(servers[0]?.endpoint ?? '')).toEqual({
      ...{ id: '12428976124636271536', leader: '12428976124636271536', learner: false, version: '3.5.16' },
      ...{ dbSize: 20480, dbSizeInUse: 16384, raftTerm: 2, raftIndex: 8, raftAppliedIndex: 8, errors: [] },
    });
  });

  it('knows a member without a leader', async () => {
    const { leader, ...rest } = { ...status, errors: ['etcdserver: no leader', 'memberID:1 alarm:NOSPACE '] };
    expect(leader).not.toBe('');
    const client = await clientOf(answering(rest));
    expect(await client.status(servers[0]?.endpoint ?? '')).toMatchObject({
      leader: undefined,
      errors: ['etcdserver: no leader', 'memberID:1 alarm:NOSPACE'],
    });
  });

  it.each([[{}], [{ header, alarms: [] }]])('%j: no alarms', async (body) => {
    expect(await (await clientOf(answering(body))).alarms()).toEqual([]);
  });

  it('reads alarms', async () => {
    const client = await clientOf(
      answering({ alarms: [{ memberID: '6094581469650864925', alarm: 'NOSPACE' }] }),
    );
    expect(await client.alarms()).toEqual([{ member: '6094581469650864925', alarm: 'NOSPACE' }]);
  });

  it('goes on to the next member when one does not answer or cannot for now', async () => {
    const client = await clientOf(
      () => undefined,
      () => unhealthy34,
      answering(memberList),
    );
    expect(await client.members()).toHaveLength(3);
    expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1, 1]);
  });

  it('does not ask others when a member says no, and tells etcd’s own words', async () => {
    const client = await clientOf(() => refusal35, answering({}));
    const failure = client.promote('5');
    await expect(failure).rejects.toBeInstanceOf(EtcdError);
    await expect(failure).rejects.toMatchObject({
      grpcCode: 9,
      message: `etcd at ${servers[0]?.endpoint}: cluster/member/promote: etcdserver: not leader`,
    });
    expect(servers[1]?.requests).toEqual([]);
  });

  it('prefers a member’s reason over one that did not answer', async () => {
    const client = await clientOf(
      () => undefined,
      () => unhealthy34,
    );
    await expect(client.promote('5')).rejects.toMatchObject({ grpcCode: 14 });
  });

  it('tells of each member why it did not answer', async () => {
    const nobody = ['https://127.0.0.1:1', 'https://127.0.0.1:2'];
    const failure = track(etcdClient(nobody, material, { timeout: 300, via: localHost() })).members();
    await expect(failure).rejects.toMatchObject({
      message: 'no member of etcd answers',
      details: nobody.map(
        (endpoint) => expect.stringContaining(`${endpoint}: connect ECONNREFUSED`) as string,
      ),
    });
  });

  it('talks to nobody with certificates of another cluster', async () => {
    await clientOf(answering(memberList));
    const endpoints = servers.map(({ endpoint }) => endpoint);
    await expect(
      track(etcdClient(endpoints, await etcdMaterial(), { via: localHost() })).members(),
    ).rejects.toMatchObject({
      details: [expect.stringMatching(/certificate/)],
    });
    expect(servers[0]?.requests).toEqual([]);
  });
});

describe('membership', () => {
  it('adds a learner', async () => {
    const client = await clientOf(answering({ header, member: memberList.members[2], members: [] }));
    expect(await client.addLearner('https://c:2380')).toEqual(learner);
    expect(servers[0]?.requests).toEqual([
      'cluster/member/add {"peerURLs":["https://c:2380"],"isLearner":true}',
    ]);
  });

  it('takes one that is there already for added, and no other', async () => {
    const client = await clientOf((path) =>
      path === 'cluster/member/add'
        ? { status: 400, body: { code: 9, message: 'etcdserver: member ID already exist' } }
        : { body: memberList },
    );
    expect(await client.addLearner('https://c:2380')).toEqual(learner);
    await expect(client.addLearner('https://d:2380')).rejects.toThrow('member ID already exist');
  });

  it('removes; one that is not there is gone', async () => {
    const client = await clientOf((_path, body) =>
      (body as { ID: string }).ID === '1'
        ? { status: 404, body: { code: 5, message: 'etcdserver: member not found' } }
        : refusal35,
    );
    await client.remove('1');
    await expect(client.remove('2')).rejects.toThrow('not leader');
  });

  it('asks the leader itself to hand over, and only if it is another one', async () => {
    const statusOf = (id: string) => ({ ...status, header: { ...header, member_id: id } });
    const client = await clientOf(
      (path) => (path === 'maintenance/status' ? { body: statusOf('6094581469650864925') } : refusal35),
      (path) => ({ body: path === 'maintenance/status' ? statusOf('12428976124636271536') : {} }),
    );
    await client.moveLeader('12428976124636271536');
    await client.moveLeader('6094581469650864925');
    expect(servers.flatMap(({ requests }) => requests).filter((line) => line.includes('transfer'))).toEqual([
      'maintenance/transfer-leadership {"targetID":"6094581469650864925"}',
    ]);
    expect(servers[1]?.requests.at(-1)).toContain('transfer-leadership');
  });

  it('cannot hand over without a leader', async () => {
    const client = await clientOf(answering({ ...status, leader: undefined }));
    await expect(client.moveLeader('5')).rejects.toThrow('etcd has no leader that answers');
  });
});

describe('names', () => {
  it.each([
    ['10.89.0.3', 'https://10.89.0.3:2379'],
    ['fd00:89::3', 'https://[fd00:89::3]:2379'],
  ])('the endpoint of %s is %s', (address, expected) => {
    expect(etcdClientUrl({ address })).toBe(expected);
  });

  it('ids are shown as etcdctl shows them', () => {
    expect(hexId('10276657743932975437')).toBe('8e9e05c52164694d');
  });
});
