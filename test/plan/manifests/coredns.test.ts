import { expect, it } from 'vitest';

import type { ObjectsFile } from '../../../src/agent/apply-objects.ts';
import type { AgentConfig } from '../../../src/agent/config.ts';
import { corefile } from '../../../src/plan/manifests/coredns.ts';
import type { DnsSpec } from '../../../src/spec/types.ts';
import { dnsSpec, fromRelease, machineOf, planOf, textOf } from '../../fixtures/cluster.ts';
import type { PlanInput } from '../../fixtures/cluster.ts';

function planned(dns: Partial<DnsSpec>, input: PlanInput = {}) {
  const machine = machineOf(planOf({ ...input, spec: { dns: dnsSpec(dns) } }));
  return {
    ...(JSON.parse(textOf(machine, '/etc/kubernetes/knest-objects.json')) as ObjectsFile),
    agent: JSON.parse(textOf(machine, '/etc/kubernetes/knest-agent.json')) as AgentConfig,
    kubelet: textOf(machine, '/etc/kubernetes/kubelet.yaml'),
  };
}

const namesOf = (objects: ObjectsFile['objects']) =>
  objects.map(({ kind = '', metadata }) => `${kind} ${metadata?.name ?? ''}`);

/** The image of the only container. */
function imageOf({ once = [] }: ObjectsFile): string | undefined {
  const deployment = once.find(({ kind }) => kind === 'Deployment') as
    { spec: { template: { spec: { containers: { image: string }[] } } } } | undefined;
  return deployment?.spec.template.spec.containers[0]?.image;
}

it('CoreDNS takes the place of the agent, at the same address', () => {
  const { objects, once = [], agent, kubelet } = planned({ provider: 'coredns' });
  expect(agent.dns).toBeUndefined();
  expect(agent.storage).toBeDefined();
  expect(namesOf(objects)).not.toContain('ClusterRole knest:dns');
  expect(namesOf(once)).toEqual(['ConfigMap coredns', 'Deployment coredns']);
  expect(objects.find(({ metadata }) => metadata?.name === 'kube-dns')).toMatchObject({
    kind: 'Service',
    spec: { clusterIP: '10.96.0.10', selector: { 'k8s-app': 'kube-dns' } },
  });
  expect(kubelet).toContain('clusterDNS:\n  - 10.96.0.10\n');
});

it('its image is that of kubeadm for the version, or the one that is given', () => {
  expect(imageOf(planned({ provider: 'coredns' }))).toBe('registry.k8s.io/coredns:1.7.0');
  const later = planned({ provider: 'coredns' }, { kubernetes: fromRelease('v1.33.1') });
  expect(imageOf(later)).toBe('registry.k8s.io/coredns/coredns:v1.12.0');
  expect(imageOf(planned({ provider: 'coredns', image: 'my/coredns:1' }))).toBe('my/coredns:1');
});

it('without a provider there is neither a Service nor anybody who answers', () => {
  const { objects, once, agent } = planned({ provider: 'none' });
  expect(agent.dns).toBeUndefined();
  expect(once).toBeUndefined();
  expect(namesOf(objects)).not.toContain('Service kube-dns');
});

it('the agent is told of stub domains, hosts and name servers', () => {
  const dns = {
    stubDomains: { 'corp.example': ['192.0.2.53'] },
    hosts: { registry: ['192.0.2.7'] },
    upstream: ['192.0.2.1'],
  };
  expect(planned(dns).agent.dns).toMatchObject(dns);
  expect(planned({}).agent.dns).not.toHaveProperty('upstream');
});

it('hosts are asked before anything else, in stub domains as well', () => {
  const text = corefile(
    dnsSpec({
      stubDomains: { 'corp.example': ['192.0.2.53'] },
      hosts: { 'git.corp.example': ['192.0.2.7'] },
    }),
  );
  const [main = '', stub = ''] = text.split(/^(?=corp)/m);
  expect(main).toContain('    forward . /etc/resolv.conf {\n');
  expect(stub).toBe(
    `corp.example:53 {
    errors
    hosts {
        192.0.2.7 git.corp.example
        fallthrough
    }
    cache 30
    forward . 192.0.2.53
}
`,
  );
  expect(main.indexOf('192.0.2.7 git.corp.example')).toBeGreaterThan(0);
  for (const part of [main, stub]) expect(part.match(/\{/g)?.length, part).toBe(part.match(/\}/g)?.length);
});
