import { expect, it } from 'vitest';

import { pathOf } from '../../../src/agent/apply-objects.ts';
import type { ObjectsFile } from '../../../src/agent/apply-objects.ts';
import type { AgentConfig } from '../../../src/agent/config.ts';
import { knestAgent } from '../../../src/plan/components/knest-agent.ts';
import { machineOf, planOf, textOf } from '../../fixtures/cluster.ts';

const plan = planOf();
const machine = machineOf(plan);
const config = JSON.parse(textOf(machine, '/etc/kubernetes/knest-agent.json')) as AgentConfig;
const { objects } = JSON.parse(textOf(machine, '/etc/kubernetes/knest-objects.json')) as ObjectsFile;

it('answers at the address that kubelets give to pods', () => {
  const address = config.dns?.serviceAddress;
  expect(address).toBe(plan.network.serviceSubnet.replace(/0\/\d+$/, '10'));
  expect(textOf(machine, '/etc/kubernetes/kubelet.yaml')).toContain(`clusterDNS:\n  - ${address ?? ''}\n`);
  expect(objects).toContainEqual(
    expect.objectContaining({
      kind: 'Service',
      spec: expect.objectContaining({ clusterIP: address }) as unknown,
    }),
  );
});

it('is given rights by groups that its certificate has', () => {
  const certificate = plan.pki.certificates.find(({ commonName }) =>
    commonName.startsWith('system:knest-agent:'),
  );
  const bound = objects.flatMap((object) =>
    ((object as { subjects?: { name: string }[] }).subjects ?? []).map(({ name }) => name),
  );
  expect(new Set(bound)).toEqual(new Set(certificate?.organizations));
  expect(certificate?.organizations).not.toContain('system:masters');
});

it('makes objects of which it is known where they are', () => {
  expect(objects.map(pathOf)).toContain('/api/v1/namespaces/kube-system/services/kube-dns');
  expect(objects.map(pathOf)).toContain('/apis/storage.k8s.io/v1/storageclasses/standard');
  expect(() => pathOf({ apiVersion: 'v1', kind: 'Secret' })).toThrow(/Secret/);
});

it('holds volumes and nothing else on a worker', () => {
  const cluster = {
    name: 'knest',
    endpoint: 'https://10.0.0.2:6443',
    dnsServiceAddress: '10.96.0.10',
    serviceSubnet: '10.96.0.0/16',
    podSubnet: '10.244.0.0/16',
  } as Parameters<typeof knestAgent>[1];
  const worker = { ...machine, name: 'knest-worker', role: 'worker' } as Parameters<typeof knestAgent>[0];
  const { files, units, certificates } = knestAgent(worker, cluster);
  const file = files.find(({ path }) => path === '/etc/kubernetes/knest-agent.json')?.content;
  const own = JSON.parse(file && 'text' in file ? file.text : '') as AgentConfig;
  expect(own.dns).toBeUndefined();
  expect(own.storage).toBeDefined();
  expect(own.api.server).toBe('https://10.0.0.2:6443');
  expect(units.map(({ name }) => name)).toEqual(['knest-agent.service']);
  expect(certificates.map(({ organizations }) => organizations)).toEqual([['knest:storage']]);
});
