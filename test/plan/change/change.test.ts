import { describe, expect, it } from 'vitest';

import { diffPlans } from '../../../src/diff/diff-plans.ts';
import { inheritSpec } from '../../../src/plan/change/inherit.ts';
import { unchangeableProblems } from '../../../src/plan/change/unchangeable.ts';
import { keepFor } from '../../../src/plan/keep.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { clusterSpec, dnsSpec, networkSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';

const nodes = nodesOf('control-plane', 'worker');
const before = clusterSpec({ nodes, manager: 'direct' });
const plan = planOf({ spec: before });

function problemsOf(changes: Partial<ClusterSpec>): string[] {
  const wanted = inheritSpec(before, clusterSpec({ nodes, ...changes }));
  return unchangeableProblems(plan, before, wanted).map(({ path, message }) => `${path}: ${message}`);
}

describe('what a living cluster cannot become', () => {
  it('is all said at once, each with its path', () => {
    const network = networkSpec({ mode: { macvlan: 'eth0' }, podSubnets: ['10.200.0.0/16'], cni: 'none' });
    expect(
      problemsOf({ manager: 'systemd', network, dns: dnsSpec({ provider: 'none' }), metrics: false }),
    ).toEqual([
      expect.stringMatching(/^manager: is direct/) as string,
      expect.stringMatching(/^metrics: cannot be taken away/) as string,
      expect.stringMatching(/^network.podSubnet: is 10\.244\.0\.0\/16/) as string,
      expect.stringMatching(/^network.mode: is bridge/) as string,
      expect.stringMatching(/^network.cni: is bridge/) as string,
      expect.stringMatching(/^dns.provider: is knest/) as string,
    ]);
  });

  it('is not what it is already, in other words', () => {
    const { nodeSubnets, podSubnets, serviceSubnets } = plan.network;
    expect(
      problemsOf({ manager: 'direct', network: networkSpec({ nodeSubnets, podSubnets, serviceSubnets }) }),
    ).toEqual([]);
  });

  it('is a cluster none of whose control planes stays', () => {
    const others = nodes.map((node) => ({ ...node, name: `${node.name}9` }));
    expect(problemsOf({ nodes: others })).toEqual([
      expect.stringMatching(/^nodes: none of the control/) as string,
    ]);
  });

  it('is one whose Services have the address of a node', () => {
    const address = plan.machines[1]?.address ?? '';
    const network = networkSpec({ loadBalancer: { addresses: [`${address}-${address}`] } });
    expect(problemsOf({ network })).toEqual([
      expect.stringContaining('the address of knest-worker') as string,
    ]);
  });
});

describe('what a config leaves to knest', () => {
  it('stays as it was made', () => {
    const made = clusterSpec({
      nodes,
      kubernetes: { ...before.kubernetes, version: 'v1.33.1', source: 'release' },
      proxy: { http: 'http://proxy.example:3128', https: undefined, noProxy: [] },
      network: networkSpec({ podSubnets: ['10.7.0.0/16'] }),
      manager: 'direct',
      manifests: [{ from: '/srv/a.yaml', objects: [] }],
    });
    const wanted = inheritSpec(made, clusterSpec({ nodes }));
    expect(wanted).toEqual({ ...made, manifests: [] });
  });

  it('gives way to what the config says', () => {
    const made = clusterSpec({ proxy: { http: 'http://proxy.example:3128', https: undefined, noProxy: [] } });
    const none = { http: undefined, https: undefined, noProxy: [] };
    expect(inheritSpec(made, clusterSpec({ proxy: none })).proxy).toEqual(none);
  });
});

describe('what a cluster keeps', () => {
  const keptBy = (changes: Partial<ClusterSpec>) =>
    keepFor(plan, before, clusterSpec({ nodes, manager: 'direct', ...changes }));

  it('is everything when nothing is said differently', () => {
    const keep = keptBy({});
    expect(Object.keys(keep.layers ?? {})).toEqual(nodes.map(({ name }) => name));
    expect(diffPlans(plan, planOf({ spec: before, previous: plan, keep }))).toMatchObject({ machines: [] });
  });

  it('is no layer of Kubernetes when another version is wanted, and its root file system all the same', () => {
    const keep = keptBy({ kubernetes: { ...before.kubernetes, version: 'v1.36' } });
    expect(keep.kubernetes).toEqual({ nodes: {} });
    expect(keep.layers).toEqual({});
    expect(Object.keys(keep.rootfs ?? {})).toEqual(nodes.map(({ name }) => name));
  });

  it('is Kubernetes when the version is asked for that is there', () => {
    const keep = keptBy({ kubernetes: { ...before.kubernetes, version: plan.kubernetesVersion } });
    expect(keep.kubernetes?.cluster?.version).toBe(plan.kubernetesVersion);
  });

  it('is no root file system with other packages', () => {
    expect(keptBy({ image: { ...before.image, packages: ['tcpdump'] } }).rootfs).toEqual({});
  });

  it('is what a machine sees of the host, but where mounts of it are others', () => {
    const mount = { hostPath: '/srv', containerPath: '/srv', readOnly: false, propagation: 'None' as const };
    const [control, worker] = nodes;
    if (!control || !worker) throw new Error('no nodes');
    const keep = keptBy({ nodes: [control, { ...worker, extraMounts: [mount] }] });
    expect(Object.keys(keep.binds ?? {})).toEqual(['knest-control-plane']);
  });
});
