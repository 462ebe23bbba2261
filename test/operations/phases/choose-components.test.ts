import { afterEach, beforeEach, expect, it } from 'vitest';

import { InputError } from '../../../src/errors.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { chooseComponents } from '../../../src/operations/phases/choose-components.ts';
import { componentsInWords } from '../../../src/plan/node-components.ts';
import { keepOf } from '../../../src/plan/keep.ts';
import { recommendedFor } from '../../../src/plan/versions/components.ts';
import type { ClusterPlan, KubernetesChoice, NodeComponents } from '../../../src/plan/types.ts';
import type { ClusterSpec, ComponentOrigin, NodeSpec } from '../../../src/spec/types.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { componentFixture } from '../../artifacts/component-server.ts';
import type { ReleaseFixture } from '../../artifacts/release-server.ts';
import { clusterSpec, componentsSpec, fromRelease, nodeSpec, planOf } from '../../fixtures/cluster.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';

const newest = recommendedFor('containerd', 'v1.38.0');
let server: ReleaseFixture;

beforeEach(async () => {
  server = await componentFixture({
    versions: { containerd: newest, runc: '1.4.3', etcd: recommendedFor('etcd', 'v1.38.0') },
  });
});

afterEach(() => server.close());

const worker = (changes: Partial<NodeSpec> = {}) =>
  nodeSpec({ name: 'knest-worker', role: 'worker', ...changes });

function specOf(
  sources: Partial<Record<'containerd' | 'runc' | 'cniPlugins' | 'etcd', Partial<ComponentOrigin>>> = {},
  nodes: readonly NodeSpec[] = [nodeSpec(), worker()],
): ClusterSpec {
  const complete = Object.entries(sources).map(([name, origin]) => [
    name,
    { source: 'auto', version: undefined, ...origin },
  ]);
  return clusterSpec({
    nodes: [...nodes],
    components: {
      ...componentsSpec(),
      sources: Object.fromEntries(complete) as Record<string, ComponentOrigin>,
      mirror: server.baseUrl,
    },
  });
}

async function choose(spec: ClusterSpec, kubernetes: KubernetesChoice, previous?: ClusterPlan) {
  const session = {
    host: memoryHost(),
    paths: { state: '/state', cache: '/cache' },
    signal: new AbortController().signal,
    workstation: thisWorkstation(),
  };
  return chooseComponents(session, spec, hostFacts(), kubernetes, previous && keepOf(previous));
}

const all = (version: string): KubernetesChoice => ({ cluster: fromRelease(version), nodes: {} });
const versionsOf = (components: NodeComponents | undefined) =>
  Object.fromEntries(Object.entries(components ?? {}).map(([name, { version }]) => [name, version]));

it('each node has what its suite has where that is good enough', async () => {
  const nodes = [nodeSpec(), worker({ suite: 'bookworm' })];
  const found = await choose(specOf({}, nodes), all('v1.36.2'));
  expect(versionsOf(found['knest-control-plane'])).toEqual({
    containerd: '1.7.24',
    runc: '1.1.15',
    cniPlugins: '1.1.1',
    etcd: '3.5.16',
  });
  expect(versionsOf(found['knest-worker'])).toEqual({
    containerd: '1.6.20',
    runc: '1.1.5',
    cniPlugins: '1.1.1',
  });
  expect(componentsInWords({ components: found })).toEqual([]);
  expect(server.requests).toEqual([]);
});

it('a node whose Kubernetes needs a newer containerd has one from a release, and its runc with it', async () => {
  const kubernetes = { ...all('v1.36.2'), nodes: { 'knest-worker': fromRelease('v1.38.0') } };
  const found = await choose(specOf(), kubernetes);
  expect(found['knest-control-plane']?.containerd.version).toBe('1.7.24');
  expect(versionsOf(found['knest-worker'])).toEqual({
    containerd: newest,
    runc: '1.4.3',
    cniPlugins: '1.1.1',
  });
  expect(componentsInWords({ components: found })).toEqual([
    expect.stringMatching(
      new RegExp(`^containerd ${newest}: 127\\.0\\.0\\.1:\\d+: Kubernetes v1\\.38\\.0 is announced`),
    ),
    expect.stringMatching(/^runc 1\.4\.3: .*is tested with runc 1\.4\.3$/),
  ]);
});

it('a server is asked once, however many nodes there are', async () => {
  const nodes = [
    nodeSpec(),
    ...Array.from({ length: 20 }, (_, index) => worker({ name: `knest-worker${index}` })),
  ];
  await choose(specOf({}, nodes), all('v1.38.0'));
  expect(server.requests).toHaveLength(2);
});

it('all that cannot be had is told at once', async () => {
  const sources = { containerd: { version: '2.0.99' }, etcd: { version: '3.6.99' } };
  const nodes = [nodeSpec(), worker({ suite: 'bookworm' })];
  const failure = await choose(specOf(sources, nodes), all('v1.36.2')).catch((error: unknown) => error);
  // of one node the first; etcd is for the next look
  expect(failure instanceof InputError && failure.problems.map(({ path }) => path)).toEqual([
    'components.containerd.version',
  ]);
});

it('a plan has the layers between Debian and Kubernetes, and containerd’s file is of its format', async () => {
  const spec = specOf({ containerd: { source: 'release' } });
  const components = await choose(spec, all('v1.36.2'));
  const plan = planOf({ spec, kubernetes: fromRelease('v1.36.2'), components });
  const [machine] = plan.machines;
  expect(machine?.layers).toEqual([
    'kubernetes-v1.36.2-release-0123456789ab',
    components['knest-control-plane']?.containerd.layer?.id,
    components['knest-control-plane']?.runc.layer?.id,
    expect.stringMatching(/^rootfs-trixie-/),
  ]);
  expect(machine?.components?.containerd).toEqual({
    version: newest,
    layer: components['knest-control-plane']?.containerd.layer?.id,
    reason: expect.stringContaining('asked for') as string,
  });
  const config = machine?.files.find(({ path }) => path === '/etc/containerd/config.toml');
  expect(JSON.stringify(config)).toContain('version = 4');
});

it('nodes that are there keep what they have, and new ones get the same, without a server', async () => {
  const spec = specOf({ containerd: { source: 'release' }, etcd: { source: 'release' } }, [nodeSpec()]);
  const components = await choose(spec, all('v1.36.2'));
  const previous = planOf({ spec, kubernetes: fromRelease('v1.36.2'), components });
  await server.close();
  const second = nodeSpec({ name: 'knest-control-plane2' });
  const more = { ...spec, nodes: [...spec.nodes, second, worker()] };
  const found = await choose(more, all('v1.36.2'), previous);
  expect(found['knest-control-plane']).toEqual(components['knest-control-plane']);
  expect(found['knest-control-plane2']).toEqual(components['knest-control-plane']);
  expect(found['knest-worker']?.containerd).toEqual(components['knest-control-plane']?.containerd);
  expect(found['knest-worker']).not.toHaveProperty('etcd');
  const after = planOf({ spec: more, kubernetes: fromRelease('v1.36.2'), components: found, previous });
  expect(after.machines[0]).toMatchObject({
    layers: previous.machines[0]?.layers,
    components: previous.machines[0]?.components,
  });
  server = await componentFixture();
});

it('a machine of an older plan, which does not say, has what its suite has', async () => {
  const spec = specOf({}, [nodeSpec({ suite: 'bookworm' })]);
  const previous = planOf({ spec });
  const machines = previous.machines.map((machine) => {
    const { components, ...rest } = machine;
    expect(components).toBeDefined();
    return rest;
  });
  const found = await choose(spec, all('v1.20.2'), { ...previous, machines });
  expect(found['knest-control-plane']?.containerd.version).toBe('1.6.20');
});
