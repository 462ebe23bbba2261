/** API server and etcd of a cluster on paper: one for each set of keys, shared by all copies of the host that has them. */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { errorWithCode } from '../../../src/host/error-codes.ts';
import { readKeyMaterial, requireCluster } from '../../../src/state/clusters.ts';
import { startApiServer } from '../../fixtures/api-server.ts';
import type { ApiAnswer, TestApiServer } from '../../fixtures/api-server.ts';
import { startEtcd } from '../../fixtures/etcd-server.ts';
import type { TestEtcd } from '../../fixtures/etcd-server.ts';
import { paths } from './paper-host.ts';
import type { PaperHost } from './paper-host.ts';

const servers = new Map<string, Promise<TestApiServer>>();
const etcds = new Map<string, Promise<TestEtcd>>();

/** A connection to the API server of the only cluster of a host. */
export async function apiConnection({ host }: PaperHost): Promise<Socket> {
  const material = await readKeyMaterial(host, paths, 'knest');
  const unmade = !material.has('apiserver-knest-control-plane.crt');
  if (unmade) throw errorWithCode('ECONNREFUSED', 'nobody listens');
  const key = material.get('ca.crt') ?? '';
  const server = servers.get(key) ?? startApiServer(material, answer);
  servers.set(key, server);
  const socket = connect(Number(new URL((await server).endpoint).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** A connection to a member of etcd of the only cluster of a host: all of them are well. */
export async function etcdConnection({ host }: PaperHost, address: string): Promise<Socket> {
  const material = await readKeyMaterial(host, paths, 'knest');
  const { plan } = await requireCluster(host, paths, 'knest');
  const controlPlanes = plan.machines.filter(({ role }) => role === 'control-plane');
  const asked = controlPlanes.findIndex((machine) => machine.address === address);
  const certificate = `etcd-server-${controlPlanes[asked]?.name ?? ''}`;
  if (!material.has(`${certificate}.crt`)) throw errorWithCode('ECONNREFUSED', 'nobody listens');
  const key = `${address} ${material.get('etcd-ca.crt') ?? ''}`;
  const known = new Map([
    ...material,
    ['etcd-server.crt', material.get(`${certificate}.crt`) ?? ''],
    ['etcd-server.key', material.get(`${certificate}.key`) ?? ''],
  ]);
  const members = controlPlanes.map(({ name, address: own }, index) => ({
    ...{ ID: String(index + 1), name, peerURLs: [`https://${own}:2380`] },
    clientURLs: [`https://${own}:2379`],
  }));
  const status = {
    ...{ header: { member_id: String(asked + 1) }, leader: '1', version: '3.5.16' },
    ...{ raftTerm: '2', raftIndex: '9', raftAppliedIndex: '9', dbSize: '1', dbSizeInUse: '1' },
  };
  const server =
    etcds.get(key) ??
    startEtcd(known, (path) => ({ body: path === 'maintenance/status' ? status : { members } }));
  etcds.set(key, server);
  const socket = connect(Number(new URL((await server).endpoint).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

export async function closeApis(): Promise<void> {
  for (const server of etcds.values()) await (await server).close();
  etcds.clear();
  for (const server of servers.values()) await (await server).close();
  servers.clear();
}

function answer({ path }: { path: string }): ApiAnswer {
  const name = /^\/api\/v1\/nodes\/([^/?]+)$/.exec(path)?.[1];
  if (name === undefined) return { body: { items: [] } };
  const conditions = [
    { type: 'Ready', status: 'True', lastHeartbeatTime: new Date(Date.now() + 5000).toISOString() },
  ];
  return { body: { metadata: { name }, spec: {}, status: { conditions } } };
}
