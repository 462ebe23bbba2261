import { expect, it } from 'vitest';

import { pathOf } from '../../../src/agent/apply-objects.ts';
import type { ObjectsFile } from '../../../src/agent/apply-objects.ts';
import type { AgentConfig } from '../../../src/agent/config.ts';
import { machineOf, networkSpec, nodesOf, planOf, textOf } from '../../fixtures/cluster.ts';

const plan = planOf();
const machine = machineOf(plan);
const config = JSON.parse(textOf(machine, '/etc/kubernetes/knest-agent.json')) as AgentConfig;
const { objects } = JSON.parse(textOf(machine, '/etc/kubernetes/knest-objects.json')) as ObjectsFile;

/** By it the API server knows the agent. */
const trusted = '/etc/kubernetes/pki/aggregated/ca.crt';
const folderOf = (path: string): string => path.replace(/\/[^/]*$/, '');

it('answers at the address that kubelets give to pods', () => {
  const address = config.dns?.serviceAddress;
  expect(address).toBe(plan.network.serviceSubnets[0]?.replace(/0\/\d+$/, '10'));
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
    ((object as { subjects?: { kind: string; name: string }[] }).subjects ?? [])
      .filter(({ kind }) => kind === 'Group')
      .map(({ name }) => name),
  );
  expect(new Set(bound)).toEqual(new Set(certificate?.organizations));
  expect(certificate?.organizations).not.toContain('system:masters');
});

it('makes objects of which it is known where they are', () => {
  expect(objects.map(pathOf)).toContain('/api/v1/namespaces/kube-system/services/kube-dns');
  expect(objects.map(pathOf)).toContain('/apis/storage.k8s.io/v1/storageclasses/standard');
  expect(() => pathOf({ apiVersion: 'v1', kind: 'Secret' })).toThrow(/Secret/);
});

it('holds volumes, enforces policies and answers for addresses on a worker, and nothing else', () => {
  const two = planOf({ spec: { nodes: nodesOf('control-plane', 'worker') } });
  const worker = machineOf(two, 1);
  const own = JSON.parse(textOf(worker, '/etc/kubernetes/knest-agent.json')) as AgentConfig;
  expect(own.dns).toBeUndefined();
  expect(own.storage).toBeDefined();
  expect(own.api.server).toBe(two.endpoint);
  const names = worker.units.map(({ name }) => name);
  expect(names).toContain('knest-agent.service');
  expect(names).not.toContain('knest-objects.service');
  const certificate = two.pki.certificates.find(({ name }) => name === `knest-agent-${worker.name}`);
  expect(certificate?.organizations).toEqual([
    'knest:storage',
    'knest:network-policy',
    'knest:announcer',
    'knest:renewal',
  ]);
});

it('enforces no policies where that is switched off, or the business of a network add-on', () => {
  for (const changes of [{ networkPolicy: false }, { networkPolicy: false, cni: 'none' as const }]) {
    const off = planOf({ spec: { network: networkSpec(changes) } });
    const own = JSON.parse(textOf(machineOf(off), '/etc/kubernetes/knest-agent.json')) as AgentConfig;
    expect(own.networkPolicy).toBeUndefined();
    expect(off.pki.certificates.flatMap(({ organizations }) => organizations)).not.toContain(
      'knest:network-policy',
    );
    expect(machineOf(off).files.map(({ path }) => path)).not.toContain('/usr/lib/cni/knest-bridge');
  }
});

it('answers metrics on control planes, to their API servers alone', () => {
  expect(config.metrics?.apiService.spec?.service).toEqual({
    ...{ namespace: 'kube-system', name: 'knest-metrics', port: config.metrics?.port },
  });
  const serving = plan.pki.certificates.find(({ name }) => name === 'knest-metrics');
  expect(serving).toMatchObject({ authority: 'ca', dnsNames: ['knest-metrics.kube-system.svc'] });
  const paths = machine.files.map(({ path }) => path);
  for (const path of [config.metrics?.certificate, config.metrics?.key, config.metrics?.clientAuthority])
    expect(paths).toContain(path);
  expect(textOf(machine, 'kube-apiserver.service')).toContain(
    `Environment=SSL_CERT_DIR=/etc/ssl/certs:${folderOf(trusted)}\n`,
  );
  expect(paths).toContain(trusted);
});

it('leaves metrics to others where that is said', () => {
  const off = planOf({ spec: { metrics: false } });
  const own = machineOf(off);
  expect(JSON.parse(textOf(own, '/etc/kubernetes/knest-agent.json'))).not.toHaveProperty('metrics');
  expect(textOf(own, '/etc/kubernetes/knest-objects.json')).not.toMatch(/metrics\.k8s\.io|knest[-:]metrics/);
  expect(textOf(own, 'kube-apiserver.service')).not.toContain('SSL_CERT_DIR');
  expect(own.files.map(({ path }) => path)).not.toContain(trusted);
  const { certificates } = off.pki;
  expect(certificates.flatMap(({ name, organizations }) => [name, ...organizations])).not.toContain(
    'knest-metrics',
  );
  expect(certificates.flatMap(({ organizations }) => organizations)).not.toContain('knest:metrics');
});
