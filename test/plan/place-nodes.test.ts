/** Plans of clusters that are there already, and of nodes that are not like the others. */

import { describe, expect, it } from 'vitest';

import { runOf } from '../../src/plan/managers/run-of.ts';
import type { ClusterPlan } from '../../src/plan/types.ts';
import { flagsOf, fromRelease, machineOf, nodeSpec, nodesOf, planOf, textOf } from '../fixtures/cluster.ts';

const threeNodes = { nodes: nodesOf('control-plane', 'worker', 'worker') };

describe('planning again', () => {
  const two = planOf({ spec: { nodes: nodesOf('control-plane', 'worker') } });
  const grown = planOf({ spec: threeNodes, previous: two });

  it('changes nothing when nothing has changed', () => {
    expect(planOf({ spec: threeNodes, previous: planOf({ spec: threeNodes }) })).toEqual(
      planOf({ spec: threeNodes }),
    );
  });

  it('leaves what is there where it is', () => {
    const places = ({ machines }: ClusterPlan) =>
      machines.map(({ name, address, podSubnets, layers }) => ({ name, address, podSubnets, layers }));
    expect(places(grown).slice(0, 2)).toEqual(places(two));
    const [first, , third] = nodesOf('control-plane', 'worker', 'worker') as [never, never, never];
    const shrunk = planOf({ spec: { nodes: [first, third] }, previous: grown });
    expect(places(shrunk)[1]).toEqual(places(grown)[2]);
  });

  it('gives a free place again', () => {
    const [first, , third] = threeNodes.nodes;
    if (!first || !third) throw new Error('three nodes');
    const shrunk = planOf({ spec: { nodes: [first, third] }, previous: grown });
    const again = planOf({
      spec: { nodes: [first, third, nodeSpec({ name: 'knest-worker3', role: 'worker' })] },
      previous: shrunk,
    });
    expect(again.machines.map(({ address }) => address)).toEqual(['10.89.0.2', '10.89.0.4', '10.89.0.3']);
  });

  it('keeps a machine on the layers it was made from', () => {
    const old = { ...two, machines: two.machines.map((machine) => ({ ...machine, layers: ['old'] })) };
    const previous = {
      ...old,
      layers: two.layers.map((layer) => (layer.kind === 'rootfs' ? { ...layer, id: 'old' } : layer)),
    };
    const { machines, layers } = planOf({ spec: threeNodes, previous });
    expect(machines.map((machine) => machine.layers.includes('old'))).toEqual([true, true, false]);
    expect(layers.map(({ id }) => id)).toContain('old');
  });

  it('lets new control planes join one after the other', () => {
    const { machines } = planOf({
      spec: { nodes: nodesOf('control-plane', 'control-plane', 'control-plane') },
      previous: planOf(),
    });
    const initial = machines.map((machine) => textOf(machine, '/etc/kubernetes/etcd-initial.env'));
    const [first = '', second = '', third = ''] = initial;
    expect(first).toContain('STATE=new');
    expect(second).toMatch(/=existing$/m);
    expect(second).toContain('knest-control-plane2=');
    expect(second).not.toContain('knest-control-plane3=');
    expect(third).toContain('knest-control-plane3=');
  });
});

describe('single nodes', () => {
  it('may have another Kubernetes and another Debian', () => {
    const nodes = [nodeSpec(), nodeSpec({ name: 'knest-worker', role: 'worker', suite: 'bookworm' })];
    const plan = planOf({
      spec: { nodes },
      kubernetes: fromRelease('v1.30.1'),
      nodes: { 'knest-worker': fromRelease('v1.29.4') },
    });
    expect(plan.machines.map(({ kubernetesVersion }) => kubernetesVersion)).toEqual(['v1.30.1', 'v1.29.4']);
    expect(
      plan.layers.map((layer) => ('version' in layer ? layer.version : 'suite' in layer && layer.suite)),
    ).toEqual(['v1.30.1', 'trixie', 'v1.29.4', 'bookworm']);
  });

  it('with limits offer pods no more than that', () => {
    const nodes = [
      nodeSpec({ resources: { cpus: 0.5, memory: 2 ** 30, tasks: undefined, ioWeight: undefined } }),
    ];
    const config = textOf(machineOf(planOf({ spec: { nodes } })), '/etc/kubernetes/kubelet.yaml');
    expect(config).toContain('kubeReserved:\n  cpu: 1500m\n  memory: 7340032Ki\n');
  });

  it('have labels, mounts and flags of their own', () => {
    const node = nodeSpec({
      labels: { tier: 'edge' },
      extraMounts: [
        { hostPath: '/srv/data', containerPath: '/data', readOnly: true, propagation: 'None' },
        { hostPath: '/srv/more', containerPath: '/more', readOnly: false, propagation: 'HostToContainer' },
      ],
      kubelet: { extraArgs: { v: '4' }, config: { maxPods: 20 } },
    });
    const machine = machineOf(planOf({ spec: { nodes: [node] } }));
    expect(machine.nodePatch.metadata.labels).toMatchObject({ tier: 'edge' });
    expect(runOf(machine, 'direct').argv).toEqual(
      expect.arrayContaining(['--bind-ro=/srv/data:/data', '--bind=/srv/more:/more']),
    );
    expect(textOf(machine, '/usr/local/lib/knest/pod-mounts')).toContain(
      'asked mount --make-rprivate /data\n',
    );
    expect(flagsOf(machine, 'kubelet.service')['v']).toBe('4');
    expect(textOf(machine, '/etc/kubernetes/kubelet.yaml')).toContain('maxPods: 20');
  });
});
