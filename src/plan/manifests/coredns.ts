/** CoreDNS as kubeadm installs it, for those who prefer it to knest-agent and bring its image. */

import type { DnsSpec } from '../../spec/types.ts';
import { kubeDns } from './knest-agent.ts';
import type { Manifest } from './manifest.ts';
import { bindRole, rbacGroup } from './manifest.ts';

export interface CoreDnsSettings {
  dns: DnsSpec;
  /** Of the Service kube-dns. */
  serviceAddress: string;
  /** Used unless the spec names one. */
  image: string;
}

const name = 'coredns';
const namespace = 'kube-system';
const account = 'system:coredns';
const podLabels = { 'k8s-app': 'kube-dns' };

/** What it may do, and the Service that leads to it. */
export function coreDnsObjects({ serviceAddress }: CoreDnsSettings): Manifest[] {
  const read = ['list', 'watch'];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    {
      apiVersion: `${rbacGroup}/v1`,
      kind: 'ClusterRole',
      metadata: { name: account },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: read },
        { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
      ],
    },
    bindRole('ClusterRole', account, { kind: 'ServiceAccount', name, namespace }),
    kubeDns(serviceAddress, podLabels),
  ];
}

/** What its administrator may change afterwards: the Corefile and the pods. */
export function coreDnsWorkload({ dns, image }: CoreDnsSettings): Manifest[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace },
      data: { Corefile: corefile(dns) },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace, labels: { ...podLabels, 'kubernetes.io/name': 'CoreDNS' } },
      spec: {
        replicas: 2,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        selector: { matchLabels: podLabels },
        template: { metadata: { labels: podLabels }, spec: podSpec(dns.image ?? image) },
      },
    },
  ];
}

/** kubeadm's, with the hosts and stub domains of the spec. A stub domain asks the hosts first, as knest-agent does. */
export function corefile({ stubDomains, hosts, upstream }: DnsSpec): string {
  const extra = hostsPlugin(hosts);
  const main = [
    'errors',
    ...block('health', ['lameduck 5s']),
    'ready',
    ...extra,
    ...block('kubernetes cluster.local in-addr.arpa ip6.arpa', [
      'pods insecure',
      'fallthrough in-addr.arpa ip6.arpa',
      'ttl 30',
    ]),
    'prometheus :9153',
    ...block(`forward . ${(upstream ?? ['/etc/resolv.conf']).join(' ')}`, ['max_concurrent 1000']),
    'cache 30',
    'loop',
    'reload',
    'loadbalance',
  ];
  const stubs = Object.entries(stubDomains).flatMap(([domain, servers]) =>
    block(`${domain}:53`, ['errors', ...extra, 'cache 30', `forward . ${servers.join(' ')}`]),
  );
  return `${[...block('.:53', main), ...stubs].join('\n')}\n`;
}

function hostsPlugin(hosts: DnsSpec['hosts']): string[] {
  const lines = Object.entries(hosts).flatMap(([host, addresses]) =>
    addresses.map((address) => `${address} ${host}`),
  );
  return lines.length === 0 ? [] : block('hosts', [...lines, 'fallthrough']);
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `    ${line}`), '}'];
}

function podSpec(image: string) {
  const probe = (path: string, port: number) => ({ httpGet: { path, port, scheme: 'HTTP' } });
  return {
    serviceAccountName: name,
    priorityClassName: 'system-cluster-critical',
    // the name servers of the node: its own Service would lead back to itself
    dnsPolicy: 'Default',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [
      { key: 'CriticalAddonsOnly', operator: 'Exists' },
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
      { key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' },
    ],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: {
              labelSelector: { matchLabels: podLabels },
              topologyKey: 'kubernetes.io/hostname',
            },
          },
        ],
      },
    },
    containers: [
      {
        name,
        image,
        imagePullPolicy: 'IfNotPresent',
        args: ['-conf', '/etc/coredns/Corefile'],
        resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
        ports: [
          { containerPort: 53, name: 'dns', protocol: 'UDP' },
          { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' },
          { containerPort: 9153, name: 'metrics', protocol: 'TCP' },
        ],
        volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
        livenessProbe: { ...probe('/health', 8080), initialDelaySeconds: 60, failureThreshold: 5 },
        readinessProbe: probe('/ready', 8181),
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
          readOnlyRootFilesystem: true,
        },
      },
    ],
    volumes: [{ name: 'config', configMap: { name, items: [{ key: 'Corefile', path: 'Corefile' }] } }],
  };
}
