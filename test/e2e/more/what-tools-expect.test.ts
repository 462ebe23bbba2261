/** What clusters of kubeadm have and tools rely on: who the cluster is, more API servers, metrics, an audit log. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { must } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startMetricsServer } from '../support/metrics-server.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-tools';
const node = `${name}-control-plane`;

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
}

describeScenario('what tools expect', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const give = (verb: string[], object: object) =>
    scenario.kubectl(name, [...verb, '-f', '-'], { input: JSON.stringify(object) });
  const apply = (...items: object[]) => give(['apply'], { apiVersion: 'v1', kind: 'List', items });
  const inNode = (...command: string[]) => scenario.ok(['exec', node, '--', ...command]);
  const clusterInfo = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
  let server = '';

  it('is created with an audit log', async () => {
    const config = `apiVersion: knest.dev/v1alpha1\nkind: Cluster\nname: ${name}\naudit: true\n`;
    await scenario.ok(['create', 'cluster', '--config', '-'], { input: config });
    const kubeconfig = parse(await scenario.ok(['get', 'kubeconfig', '--name', name])) as Kubeconfig;
    server = kubeconfig.clusters[0]?.cluster.server ?? '';
  });

  it('tells everybody where it is and who signs for it, and nothing else', async () => {
    const anonymous = (path: string, ...more: string[]) =>
      must(['curl', '-s', '--noproxy', '*', ...more, `${server}${path}`]);
    const first = await eventually('cluster-info is there', async () => {
      const found = JSON.parse(await anonymous(clusterInfo, '-kf')) as { data: { kubeconfig: string } };
      return parse(found.data.kubeconfig) as Kubeconfig;
    });
    const cluster = first.clusters[0]?.cluster;
    expect(cluster?.server).toBe(server);
    const authority = Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64').toString();
    await writeFile(join(scenario.folder, 'ca.crt'), authority);
    // what it says is enough to know whom one talks to
    expect(await anonymous('/version', '--cacert', join(scenario.folder, 'ca.crt'))).toContain('gitVersion');
    for (const namespace of ['default', 'kube-system']) {
      const map = ['get', 'configmap', 'kube-root-ca.crt', '-n', namespace];
      expect((await kubectl(...map, '-o', 'jsonpath={.data.ca\\.crt}')).trim()).toBe(authority.trim());
    }
    expect(await anonymous('/api/v1/namespaces/kube-system/secrets', '-k')).toContain('"code": 403');
  });

  it('signs that for those who have a bootstrap token', async () => {
    await apply({
      ...{ apiVersion: 'v1', kind: 'Secret', type: 'bootstrap.kubernetes.io/token' },
      metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
      stringData: {
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-signing': 'true',
      },
    });
    await eventually('a signature', async () => {
      const data = await kubectl('get', '--raw', clusterInfo);
      expect(data).toContain('jws-kubeconfig-abcdef');
    });
  });

  it('says its subnets where installers of networks look', async () => {
    const path = ['-n', 'kube-system', 'get', 'configmap', 'kubeadm-config'];
    const text = await kubectl(...path, '-o', 'jsonpath={.data.ClusterConfiguration}');
    const { networking } = parse(text) as { networking: { podSubnet: string; serviceSubnet: string } };
    const podAddress = await kubectl('get', 'node', node, '-o', 'jsonpath={.spec.podCIDR}');
    const apiAddress = await kubectl('get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}');
    const start = (address: string) => address.split('.').slice(0, 2).join('.');
    expect(start(networking.podSubnet)).toBe(start(podAddress));
    expect(start(networking.serviceSubnet)).toBe(start(apiAddress));
  });

  it('lets no kubelet give its node labels that are the administrator’s', async () => {
    const label = ['label', 'node', node, 'node-restriction.kubernetes.io/trusted=yes'];
    const { exitCode, stderr } = await scenario.knest([
      ...['exec', node, '--', 'kubectl', '--kubeconfig', '/etc/kubernetes/kubelet.conf'],
      ...label,
    ]);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('is not allowed to modify labels');
  });

  it('takes an API server of metrics, which trusts kubelets as pods do, and top shows numbers', async () => {
    await startMetricsServer(scenario, name, node);
    const leadsTo = ['-o', 'jsonpath={.spec.service.name}'];
    expect(await kubectl('get', 'apiservice', 'v1beta1.metrics.k8s.io', ...leadsTo)).toBe('metrics');
    await kubectl('wait', '--for=condition=Available', 'apiservice/v1beta1.metrics.k8s.io', '--timeout=60s');
    const shape = new RegExp(`^${node} +(\\d+)m +\\d+% +(\\d+)Mi +\\d+%`, 'm');
    // kubectl says that there are no metrics until the kubelet has looked twice
    const [cpu, memory] = await eventually(
      'top shows the node',
      async () => {
        const shown = await kubectl('top', 'nodes');
        expect(shown).toMatch(shape);
        return (shape.exec(shown) ?? []).slice(1).map(Number);
      },
      60_000,
    );
    expect(cpu).toBeGreaterThan(0);
    expect(memory).toBeGreaterThan(10);
  });

  it('has written down who did what', async () => {
    await kubectl('create', 'configmap', 'audited', '--from-literal=secret=unseen');
    const log = await inNode('grep', '"name":"audited"', '/var/log/kubernetes/audit.log');
    const events = log
      .split('\n')
      .map((line) => JSON.parse(line) as { verb: string; user: { username: string }; stage: string });
    expect(events).toContainEqual(
      expect.objectContaining({
        ...{ verb: 'create', stage: 'ResponseComplete', level: 'Metadata' },
        user: expect.objectContaining({ username: 'kubernetes-admin' }) as unknown,
      }),
    );
    expect(log).not.toContain('unseen');
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
