/** A metrics-server in a cluster: its manifests, and a small program on a node in place of its pods (metrics-server.js). */

import { readFile } from 'node:fs/promises';

import { parse } from 'yaml';

import type { Scenario } from './scenario.ts';

/** @param node a control plane, on which the program runs */
export async function startMetricsServer(scenario: Scenario, cluster: string, node: string): Promise<void> {
  const internal = '{.status.addresses[?(@.type=="InternalIP")].address}';
  const address = await scenario.kubectl(cluster, ['get', 'node', node, '-o', `jsonpath=${internal}`]);
  const give = (verb: string[], object: object) =>
    scenario.kubectl(cluster, [...verb, '-f', '-'], { input: JSON.stringify(object) });
  await give(['apply'], { apiVersion: 'v1', kind: 'List', items: metricsObjects(address) });
  const account = '/api/v1/namespaces/kube-system/serviceaccounts/metrics/token';
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const { status } = JSON.parse(await give(['create', '--raw', account], request)) as {
    status: { token: string };
  };
  const files = {
    'server.mjs': await readFile(new URL('metrics-server.js', import.meta.url), 'utf8'),
    'ca.crt': await authorityOf(scenario, cluster),
    token: status.token,
  };
  for (const [file, input] of Object.entries(files))
    await scenario.ok(['exec', node, '--', 'sh', '-c', `cat > /root/metrics-${file}`], { input });
  const pki = '/etc/kubernetes/pki';
  await scenario.ok([
    ...['exec', node, '--', 'systemd-run', '--unit=metrics', 'node', '/root/metrics-server.mjs', '4443'],
    ...[`${pki}/kubelet-serving-${node}.crt`, `${pki}/kubelet-serving-${node}.key`],
    ...[`${pki}/front-proxy-ca.crt`, '/root/metrics-ca.crt', '/root/metrics-token'],
    `${node}=${address}`,
  ]);
}

/** Takes its objects away, as `kubectl delete -f` does, and the program. */
export async function stopMetricsServer(scenario: Scenario, cluster: string, node: string): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: metricsObjects('192.0.2.1') });
  await scenario.kubectl(cluster, ['delete', '--ignore-not-found', '-f', '-'], { input });
  await scenario.ok(['exec', node, '--', 'systemctl', 'stop', 'metrics']);
}

/** What a pod would trust. */
async function authorityOf(scenario: Scenario, cluster: string): Promise<string> {
  const kubeconfig = parse(await scenario.ok(['get', 'kubeconfig', '--name', cluster])) as {
    clusters: { cluster: { 'certificate-authority-data': string } }[];
  };
  const data = kubeconfig.clusters[0]?.cluster['certificate-authority-data'] ?? '';
  return Buffer.from(data, 'base64').toString();
}

/** As in the manifests of metrics-server, but for the pods. */
function metricsObjects(address: string): object[] {
  const metadata = { name: 'metrics', namespace: 'kube-system' };
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'metrics' } },
      rules: [{ apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] }],
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name: 'metrics' } },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'metrics' },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
    {
      ...{ apiVersion: 'v1', kind: 'Service', metadata },
      spec: { ports: [{ port: 443, targetPort: 4443 }] },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Endpoints', metadata },
      subsets: [{ addresses: [{ ip: address }], ports: [{ port: 4443 }] }],
    },
    {
      ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' },
      metadata: { name: 'v1beta1.metrics.k8s.io' },
      spec: {
        ...{ group: 'metrics.k8s.io', version: 'v1beta1', insecureSkipTLSVerify: true },
        ...{ groupPriorityMinimum: 100, versionPriority: 100 },
        service: metadata,
      },
    },
  ];
}
