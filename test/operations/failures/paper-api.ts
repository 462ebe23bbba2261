/** The API server of a cluster on paper: one for each set of keys, shared by all copies of the host that has them. */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { errorWithCode } from '../../../src/host/error-codes.ts';
import { readKeyMaterial } from '../../../src/state/clusters.ts';
import { startApiServer } from '../../fixtures/api-server.ts';
import type { ApiAnswer, TestApiServer } from '../../fixtures/api-server.ts';
import { paths } from './paper-host.ts';
import type { PaperHost } from './paper-host.ts';

const servers = new Map<string, Promise<TestApiServer>>();

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

export async function closeApis(): Promise<void> {
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
