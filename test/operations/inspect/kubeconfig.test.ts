import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { memoryHost } from '../../../src/host/memory.ts';
import { clusterKubeconfig, clustersKubeconfig } from '../../../src/operations/inspect/get.ts';
import { issuePki } from '../../../src/pki/issue.ts';
import { markCreated, writeCluster, writeKeyMaterial } from '../../../src/state/clusters.ts';
import { clusterSpec, planOf } from '../../fixtures/cluster.ts';

const paths = { state: '/state', cache: '/cache' };

interface Kubeconfig {
  clusters: { name: string; cluster: { server: string } }[];
  'current-context': string;
}

async function withClusters(...names: string[]) {
  const host = memoryHost({ files: {} });
  for (const name of names) {
    const spec = clusterSpec({ name });
    const plan = { ...planOf({ spec }), server: 'https://127.0.0.1:16443' };
    await writeCluster(host, paths, spec, plan);
    const material = await issuePki(plan.pki, new Map(), new Date());
    await writeKeyMaterial(host, paths, name, material, new Map());
    await markCreated(host, paths, plan, material, new Date());
  }
  return host;
}

it('has the address that the host has, or that nodes and pods have', async () => {
  const host = await withClusters('demo');
  const { endpoint } = planOf({ spec: { name: 'demo' } });
  const serverOf = async (internal: boolean): Promise<string | undefined> => {
    const text = await clusterKubeconfig({ host, paths, name: 'demo', internal });
    return (parse(text) as Kubeconfig).clusters[0]?.cluster.server;
  };
  expect(await serverOf(false)).toBe('https://127.0.0.1:16443');
  expect(await serverOf(true)).toBe(endpoint);
});

it('is one of all clusters that are made', async () => {
  const host = await withClusters('one', 'two');
  await writeCluster(host, paths, clusterSpec({ name: 'half' }), planOf({ spec: { name: 'half' } }));
  const found = parse(await clustersKubeconfig({ host, paths })) as Kubeconfig;
  expect(found.clusters.map(({ name }) => name)).toEqual(['knest-one', 'knest-two']);
  expect(found['current-context']).toBe('');
});
