import { describe, expect, it } from 'vitest';

import { filesRead } from '../../src/plan/files-read.ts';
import type { MachinePlan } from '../../src/plan/types.ts';
import { machineOf, networkSpec, nodesOf, planOf } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';
import { lease } from '../fixtures/lease.ts';

const plan = planOf({
  spec: {
    nodes: nodesOf('control-plane', 'control-plane', 'worker'),
    registry: { address: undefined, port: 5000 },
    proxy: { http: 'http://proxy.test:3128', https: undefined, noProxy: [] },
  },
});
const [controlPlane, , worker] = [machineOf(plan), undefined, machineOf(plan, 2)];

function read(machine: MachinePlan, name: string): string[] {
  const unit = machine.units.find((one) => one.name === name);
  if (!unit) throw new Error(`no ${name}`);
  return [...filesRead(unit, machine)].sort();
}

const pki = (...names: string[]) => names.map((name) => `/etc/kubernetes/pki/${name}`);

describe('filesRead', () => {
  it('of the kubelet has the certificates that it does not read again, the serving pair', () => {
    expect(read(worker, 'kubelet.service')).toEqual([
      '/etc/kubernetes/kubelet.conf',
      '/etc/kubernetes/kubelet.yaml',
      ...pki('ca.crt', 'kubelet-serving-knest-worker.crt', 'kubelet-serving-knest-worker.key'),
    ]);
  });

  it('of etcd has its authority, and neither what it reads for each connection nor the members that it began with', () => {
    expect(read(controlPlane, 'etcd.service')).toEqual(pki('etcd-ca.crt'));
  });

  it('of containerd has the file that no text names, and its drop-in', () => {
    expect(read(worker, 'containerd.service')).toEqual([
      '/etc/containerd/config.toml',
      '/etc/systemd/system/containerd.service.d/10-proxy.conf',
      '/opt/cni/bin',
    ]);
  });

  it.each([
    ['knest-api-address.service', '/etc/keepalived/keepalived.conf'],
    ['knest-api-address.service', '/usr/local/lib/knest/api-is-ready'],
    ['kube-proxy.service', '/etc/kubernetes/kube-proxy.yaml'],
    ['kube-proxy.service', '/etc/kubernetes/kube-proxy.conf'],
    ['knest-objects.service', '/etc/kubernetes/knest-objects.json'],
    ['knest-registry.service', '/etc/kubernetes/registry.yaml'],
    ['knest-agent.service', '/etc/kubernetes/knest-agent.json'],
    ['kube-apiserver.service', '/etc/kubernetes/pki/front-proxy-ca.crt'],
  ])('of %s has %s', (unit, path) => {
    expect(read(controlPlane, unit)).toContain(path);
  });

  it('of what a node of a LAN runs has its script and rules', () => {
    const onLan = planOf({
      spec: { network: networkSpec({ mode: { macvlan: 'eth0' }, dhcp: true }) },
      facts: hostFacts({ leases: { 'knest-control-plane': lease('192.0.2.10') } }),
    });
    const machine = machineOf(onLan);
    expect(read(machine, 'knest-lease.service')).toContain('/usr/local/lib/knest/lease-is-ours');
    expect(read(machine, 'knest-masquerade.service')).toContain('/etc/kubernetes/masquerade.nft');
  });
});
