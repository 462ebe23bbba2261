/**
 * CoreDNS in place of the agent's DNS. Its image is in no Debian and cannot be had everywhere, so the pods are only seen
 * to be wanted, unless KNEST_E2E_COREDNS names an archive with the image `registry.k8s.io/coredns:1.7.0`.
 */

import { expect, it } from 'vitest';

import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { pod } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-coredns';
const node = `${name}-control-plane`;
const archive = process.env['KNEST_E2E_COREDNS'];

describeScenario('CoreDNS instead', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const inSystem = (...args: string[]) => kubectl('-n', 'kube-system', ...args);
  const corefile = () => inSystem('get', 'configmap', 'coredns', '-o', 'jsonpath={.data.Corefile}');

  it('create does not wait for its pods', async () => {
    const config = {
      ...{ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name },
      dns: { provider: 'coredns', hosts: { 'registry.corp.example': ['192.0.2.7'] } },
    };
    await scenario.ok(['create', 'cluster', '--config', '-'], { input: JSON.stringify(config) });
    await eventually('its pods are wanted', async () => {
      const images = await inSystem('get', 'pods', '-l', 'k8s-app=kube-dns', '-o', 'jsonpath={..image}');
      expect(images).toContain('registry.k8s.io/coredns:1.7.0');
    });
    const selector = await inSystem('get', 'service', 'kube-dns', '-o', 'jsonpath={.spec.selector}');
    expect(JSON.parse(selector)).toEqual({ 'k8s-app': 'kube-dns' });
  });

  it('the agent leaves names alone', async () => {
    const listeners = await scenario.ok(['exec', node, '--', 'ss', '-Hlnup', 'sport = :53']);
    expect(listeners).toBe('');
    expect(await scenario.ok(['status', 'cluster', '--name', name])).toContain('Ready');
  });

  it('what its administrator changes stays when the cluster is started again', async () => {
    expect(await corefile()).toContain('192.0.2.7 registry.corp.example');
    const data = { Corefile: (await corefile()).replace('cache 30', 'cache 31') };
    await inSystem('patch', 'configmap', 'coredns', '--type=merge', '-p', JSON.stringify({ data }));
    await scenario.ok(['stop', 'cluster', '--name', name]);
    await scenario.ok(['start', 'cluster', '--name', name]);
    await eventually('all objects are made', () =>
      scenario.ok(['exec', node, '--', 'systemctl', 'is-active', 'knest-objects']),
    );
    expect(await corefile()).toContain('cache 31');
  });

  it.skipIf(archive === undefined)('with its image it answers', async () => {
    for (const file of [archive ?? '', await busyboxArchive()])
      await scenario.ok(['load', 'image-archive', file, '--name', name]);
    await inSystem('rollout', 'status', 'deployment/coredns', '--timeout=180s');
    const input = JSON.stringify(pod('client', 'sleep 1000000'));
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=60s');
    const lookUp = (host: string) => kubectl('exec', 'client', '--', 'nslookup', '-type=a', host);
    expect(await lookUp('kubernetes.default.svc.cluster.local')).toContain('Address');
    expect(await lookUp('registry.corp.example')).toContain('192.0.2.7');
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
