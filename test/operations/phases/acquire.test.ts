/** What is refused, and said, before anything is fetched, installed or built for a cluster. */

import { expect, it } from 'vitest';

import { InputError } from '../../../src/errors.ts';
import { buildImage } from '../../../src/operations/images/build-image.ts';
import { gatherFacts } from '../../../src/observe/host/gather.ts';
import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { addNodes } from '../../../src/operations/nodes/add-nodes.ts';
import { planCluster } from '../../../src/operations/create/plan-cluster.ts';
import { rootfsLayer } from '../../../src/plan/image.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { clusterSpec } from '../../fixtures/cluster.ts';
import { live, notes } from '../failures/lives.ts';
import type { Life } from '../failures/lives.ts';
import { inventory, paperHost, paths } from '../failures/paper-host.ts';
import type { PaperHost } from '../failures/paper-host.ts';

async function onCgroupV1(): Promise<PaperHost> {
  const paper = await paperHost();
  const hierarchies = ['cpu', 'memory', 'pids'].map(
    (name, index) => `3${index} 1 0:3${index} / /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`,
  );
  await paper.host.writeFile('/proc/self/mountinfo', `${hierarchies.join('\n')}\n`, 0o444);
  return paper;
}

const withVersion = (version: string): ClusterSpec['kubernetes'] => ({
  ...clusterSpec().kubernetes,
  version,
});
const sid = { suite: 'sid', mirror: undefined };
const ofSuite: ClusterSpec['components'] = {
  ...clusterSpec().components,
  sources: { containerd: { source: 'suite', version: undefined } },
};

it.each([
  ['create', createCluster],
  ['plan', planCluster],
  ['build', (options: Parameters<typeof createCluster>[0]) => buildImage({ ...options, rebuild: false })],
] as const)('%s refuses, all at once, what does not go together, and leaves nothing', async (_name, verb) => {
  const paper = await onCgroupV1();
  const before = await inventory(paper);
  const spec = clusterSpec({ image: sid, kubernetes: withVersion('v1.22.17'), components: ofSuite });
  const { error, events } = await live(paper, (context) => verb({ ...context, spec, yes: true }));
  expect(error).toBeInstanceOf(InputError);
  expect(error instanceof InputError && error.problems.map(({ path }) => path)).toEqual([
    'kubernetesVersion',
  ]);
  expect(events).toEqual([]);
  expect(await inventory(paper)).toEqual(before);
});

/** Puts a layer into the cache of a host on paper. */
async function cached(
  { host }: PaperHost,
  layer: { id: string; kind: string; version?: string },
): Promise<void> {
  const source = { kind: 'release', baseUrl: 'https://dl.k8s.io' };
  const info = { arch: 'amd64', source, built: '2026-01-03T00:00:00.000Z', ...layer };
  await host.makeDirectory(`${paths.cache}/layers/${layer.id}`, 0o755);
  await host.writeFile(`${paths.cache}/layers/${layer.id}.json`, JSON.stringify(info), 0o644);
}

const kubernetes = (version: string) => ({
  id: `kubernetes-${version}-release`,
  kind: 'kubernetes',
  version,
});

it('the version is checked when it is settled, where the user named none', async () => {
  const paper = await paperHost();
  await cached(paper, kubernetes('v1.22.17'));
  await cached(paper, { id: rootfsLayer(sid, await gatherFacts(paper.host, paths)).id, kind: 'rootfs' });
  const spec = clusterSpec({ image: sid, components: ofSuite });
  const { error } = await live(paper, (context) => planCluster({ ...context, spec }));
  expect(error instanceof InputError && error.problems).toMatchObject([{ path: 'kubernetesVersion' }]);
});

it('what works and is not supported is a note', async () => {
  const paper = await paperHost();
  await cached(paper, kubernetes('v1.38.0'));
  const spec = clusterSpec({ kubernetes: withVersion('v1.38.0'), components: ofSuite });
  const { error, events } = await live(paper, (context) => planCluster({ ...context, spec }));
  expect(error).toBeUndefined();
  expect(notes(events)).toContainEqual(
    expect.stringContaining('v1.38.0 is announced to need containerd 2.0'),
  );
});

it.each([
  ['create', createCluster],
  ['plan', planCluster],
] as const)('%s tells all at once of mounts, ports, addresses and versions', async (_name, verb) => {
  const paper = await paperHost();
  await cached(paper, kubernetes('v1.22.17'));
  const before = await inventory(paper);
  const base = clusterSpec({ image: sid, kubernetes: withVersion('v1.22.17'), components: ofSuite });
  const [node] = base.nodes;
  if (!node) throw new Error('a spec without nodes');
  const port = { containerPort: 80, hostPort: 8080, listenAddress: undefined, protocol: 'TCP' as const };
  const spec: ClusterSpec = {
    ...base,
    network: { ...base.network, podSubnets: ['10.0.0.0/30'] },
    nodes: [
      {
        ...node,
        extraMounts: [
          {
            hostPath: '/nowhere',
            containerPath: '/x',
            readOnly: false,
            propagation: 'None',
            type: undefined,
          },
        ],
        extraPortMappings: [port, port, { ...port, listenAddress: '198.51.100.7' }],
      },
    ],
  };
  const { error } = await live(paper, (context) => verb({ ...context, spec }));
  expect(error instanceof InputError && error.problems.map(({ path }) => path)).toEqual([
    'kubernetesVersion',
    'nodes[0].extraMounts[0].hostPath',
    'nodes[0].extraPortMappings[1].hostPort',
    'nodes[0].extraPortMappings[2].listenAddress',
    'network.podSubnet',
  ]);
  expect(await inventory(paper)).toEqual(before);
});

it('the folders of state and cache are tried once, and not where machines are', async () => {
  const paper = await paperHost();
  const spec = clusterSpec();
  const tries = ({ calls }: Life): number => calls.filter((call) => call.includes('knest-try')).length;
  const created = await live(paper, (context) => createCluster({ ...context, spec }));
  expect([created.error, tries(created)]).toEqual([undefined, 2]);
  const adding = { name: spec.name, role: 'worker', count: 1 } as const;
  const added = await live(paper, (context) => addNodes({ ...context, ...adding }));
  expect([added.error, tries(added)]).toEqual([undefined, 0]);
});

it('a line is no version yet: nothing is refused for what it might be', async () => {
  const paper = await paperHost();
  await cached(paper, kubernetes('v1.22.17'));
  // a flag that 1.24 has taken away
  const kubelet = { extraArgs: { 'network-plugin': 'cni' }, config: {} };
  const spec = clusterSpec({
    kubernetes: withVersion('v1.22'),
    components: { ...clusterSpec().components, kubelet },
  });
  const { error } = await live(paper, (context) => planCluster({ ...context, spec }));
  expect(error).toBeUndefined();
});

it.each([
  ['create', createCluster],
  ['plan', planCluster],
  ['build', (options: Parameters<typeof createCluster>[0]) => buildImage({ ...options, rebuild: false })],
] as const)('%s refuses a runtime that cannot be had, with the one thing to do', async (_name, verb) => {
  const paper = await paperHost();
  await cached(paper, kubernetes('v1.38.0'));
  const before = await inventory(paper);
  // nobody listens there
  const components = { ...clusterSpec().components, mirror: 'http://127.0.0.1:1' };
  const spec = clusterSpec({ kubernetes: withVersion('v1.38.0'), components });
  const { error } = await live(paper, (context) => verb({ ...context, spec }));
  expect(error instanceof InputError && error.problems).toMatchObject([
    {
      path: 'components.containerd.source',
      message: expect.stringContaining('127.0.0.1:1 does not answer') as string,
      hint: expect.stringContaining('--component-mirror URL') as string,
    },
  ]);
  expect(await inventory(paper)).toEqual(before);
});
