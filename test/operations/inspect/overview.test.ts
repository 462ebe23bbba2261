import { afterEach, expect, it } from 'vitest';

import { thisProcess } from '../../../src/clients/https.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { Host } from '../../../src/host/types.ts';
import { clusterOverview } from '../../../src/operations/inspect/overview.ts';
import { issuePki } from '../../../src/pki/issue.ts';
import { markCreated, writeCluster, writeKeyMaterial } from '../../../src/state/clusters.ts';
import { startApiServer } from '../../fixtures/api-server.ts';
import type { TestApiServer } from '../../fixtures/api-server.ts';
import { clusterSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';

const paths = { state: '/var/lib/knest', cache: '/var/cache/knest' };
const spec = clusterSpec({ manager: 'direct', nodes: nodesOf('control-plane', 'worker') });
const plan = planOf({ spec });
const material = issuePki(plan.pki, new Map(), new Date());
let server: TestApiServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** A host with the cluster's records, whose machines are stopped. */
async function hostWithCluster(): Promise<Host> {
  const host = memoryHost();
  await writeCluster(host, paths, spec, plan);
  await writeKeyMaterial(host, paths, 'knest', await material, new Map());
  await markCreated(host, paths, plan, await material, new Date());
  return host;
}

it('shows a cluster of which nothing answers', async () => {
  const overview = await clusterOverview({ host: await hostWithCluster(), paths, name: 'knest' });
  expect(overview).toMatchObject({ name: 'knest', state: 'stopped', measured: false, pods: [], events: [] });
  expect(overview.apiserver.ok).toBe(false);
  expect(overview.etcd.quorum).toBe(false);
  expect(overview.nodes.map(({ name, state, status, pods }) => [name, state, status, pods])).toEqual([
    ['knest-control-plane', 'stopped', 'Unknown', undefined],
    ['knest-worker', 'stopped', 'Unknown', undefined],
  ]);
});

it('counts pods by node, and asks only to read', async () => {
  const node = { metadata: { name: 'knest-worker' }, status: { allocatable: { cpu: '4', memory: '1Gi' } } };
  const pod = { metadata: { name: 'web', namespace: 'shop' }, spec: { nodeName: 'knest-worker' } };
  const answers: Record<string, object[]> = {
    '/api/v1/nodes': [node],
    '/api/v1/pods': [pod],
    '/apis/metrics.k8s.io/v1beta1/nodes': [{ ...node, usage: { cpu: '1', memory: '1Mi' } }],
    '/apis/metrics.k8s.io/v1beta1/pods': [],
  };
  server = await startApiServer(await material, ({ path }) => ({
    body: path === '/readyz' ? 'ok' : { items: answers[path] ?? [] },
  }));
  const { port } = new URL(server.endpoint);
  const host = await hostWithCluster();
  const here: Host = { ...host, connect: () => thisProcess.connect('127.0.0.1', Number(port)) };
  const { apiserver, nodes, measured } = await clusterOverview({ host: here, paths, name: 'knest' });
  expect({ apiserver, measured }).toEqual({ apiserver: { ok: true, detail: 'ok' }, measured: true });
  expect(nodes.map(({ pods }) => pods)).toEqual([0, 1]);
  expect(nodes[1]).toMatchObject({ used: { cpu: 1 }, allocatable: { cpu: 4, memory: 2 ** 30 } });
  // each thing once: it is done every few seconds
  const asked = server.requests.map(({ path }) => path);
  expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
});

it('says that there is no such cluster', async () => {
  const missing = clusterOverview({ host: memoryHost(), paths, name: 'knest' });
  await expect(missing).rejects.toMatchObject({ kind: 'notFound' });
});
