import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { InputError } from '../../../src/errors.ts';
import type { PodSecuritySpec } from '../../../src/spec/types.ts';
import { flagsOf, fromRelease, machineOf, nodesOf, planOf, textOf } from '../../fixtures/cluster.ts';

const unit = 'kube-apiserver.service';
const podSecurity: PodSecuritySpec = {
  defaults: { enforce: 'baseline' },
  exemptions: { usernames: [], namespaces: ['kube-system'], runtimeClasses: [] },
};

it('without a wish nothing is written down and every pod is taken', () => {
  const flags = Object.keys(flagsOf(machineOf(planOf()), unit));
  expect(flags.filter((name) => /^(audit|admission-control)/.test(name))).toEqual([]);
});

it('an audit log is limited in size and number', () => {
  const audit = { policy: undefined, maxAge: 7, maxBackups: 2, maxSize: 100 };
  const machine = machineOf(planOf({ spec: { audit } }));
  expect(flagsOf(machine, unit)).toMatchObject({
    'audit-policy-file': '/etc/kubernetes/audit-policy.yaml',
    'audit-log-path': '/var/log/kubernetes/audit.log',
    'audit-log-maxage': '7',
    'audit-log-maxbackup': '2',
    'audit-log-maxsize': '100',
  });
  expect(parse(textOf(machine, '/etc/kubernetes/audit-policy.yaml'))).toMatchObject({
    rules: [{ level: 'Metadata' }],
  });
});

it.each([
  ['v1.22.17', 'v1alpha1', 'PodSecurity=true'],
  ['v1.24.0', 'v1beta1', undefined],
  ['v1.25.0', 'v1', undefined],
  ['v1.36.2', 'v1', undefined],
])('pod security of %s is said in %s', (version, api, gates) => {
  const machine = machineOf(planOf({ spec: { podSecurity }, kubernetes: fromRelease(version) }));
  const flags = flagsOf(machine, unit);
  expect(flags['feature-gates']).toBe(gates);
  const file = textOf(machine, flags['admission-control-config-file'] ?? '');
  expect(parse(file)).toMatchObject({
    plugins: [
      {
        name: 'PodSecurity',
        configuration: {
          apiVersion: `pod-security.admission.config.k8s.io/${api}`,
          defaults: { enforce: 'baseline' },
          exemptions: { namespaces: ['kube-system'] },
        },
      },
    ],
  });
});

it('pod security is refused where a control plane is too old for it', () => {
  const old = () => planOf({ spec: { podSecurity } });
  expect(old).toThrow(InputError);
  expect(old).toThrow(
    expect.objectContaining({ details: [expect.stringMatching(/podSecurity.*v1\.22.*v1\.20\.2/)] }),
  );
  const nodes = nodesOf('control-plane', 'worker');
  const mixed = planOf({
    spec: { podSecurity, nodes },
    kubernetes: fromRelease('v1.23.0'),
    nodes: { 'knest-worker': fromRelease('v1.21.0') },
  });
  expect(mixed.machines).toHaveLength(2);
});
