import { expect, it } from 'vitest';
import { parse } from 'yaml';

import type { ObjectsFile } from '../../../src/agent/apply-objects.ts';
import { fromRelease, machineOf, networkSpec, planOf, textOf } from '../../fixtures/cluster.ts';
import type { PlanInput } from '../../fixtures/cluster.ts';

function dataOf(name: string, input: PlanInput = {}): Record<string, string> {
  const text = textOf(machineOf(planOf(input)), '/etc/kubernetes/knest-objects.json');
  const found = (JSON.parse(text) as ObjectsFile).objects.find(({ metadata }) => metadata?.name === name);
  return (found as { data?: Record<string, string> } | undefined)?.data ?? {};
}

it('cluster-info is a kubeconfig without users: address and authority', () => {
  const plan = planOf();
  expect(parse(dataOf('cluster-info')['kubeconfig'] ?? '')).toMatchObject({
    clusters: [
      {
        cluster: {
          server: plan.endpoint,
          'certificate-authority-data': '@base64:/etc/kubernetes/pki/ca.crt@',
        },
      },
    ],
    users: [],
  });
});

it('kubeadm-config says the subnets, in the format of the version', () => {
  const dual: PlanInput = { spec: { network: networkSpec({ ipFamily: 'dual' }) } };
  const { network } = planOf(dual);
  expect(parse(dataOf('kubeadm-config', dual)['ClusterConfiguration'] ?? '')).toMatchObject({
    apiVersion: 'kubeadm.k8s.io/v1beta2',
    kubernetesVersion: 'v1.20.2',
    networking: {
      podSubnet: network.podSubnets.join(','),
      serviceSubnet: network.serviceSubnets.join(','),
    },
  });
  const later = dataOf('kubeadm-config', { kubernetes: fromRelease('v1.36.2') });
  expect(later['ClusterConfiguration']).toContain('kubeadm.k8s.io/v1beta4');
});
