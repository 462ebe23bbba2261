/** What kubeadm and Kubernetes' own tests take with a minor version. knest itself takes only CoreDNS from here. */

import { oldestMinor } from './facts.ts';
import type { Topic } from './facts.ts';

const constants = 'cmd/kubeadm/app/constants/constants.go';
const dependencies = 'build/dependencies.yaml';

function versions(
  what: string,
  source: (since: number) => string,
  ...rows: readonly (readonly [since: number, value: string])[]
): Topic<string> {
  return {
    what,
    facts: rows.map(([since, value], index) => {
      const next = rows[index + 1];
      return {
        ...(since > oldestMinor ? { since } : {}),
        ...(next ? { until: next[0] - 1 } : {}),
        value,
        source: source(since),
      };
    }),
  };
}

export const kubeadmTopics = {
  coreDnsImage: versions(
    'CoreDNS (`dns.provider: coredns`), without the registry',
    (since) => (since >= 31 ? `${dependencies} v1.${since}` : 'coredns/deployment: CoreDNS-k8s_version.md'),
    // until then it was called otherwise
    [20, 'coredns:1.7.0'],
    [21, 'coredns/coredns:v1.8.0'],
    [22, 'coredns/coredns:v1.8.4'],
    [23, 'coredns/coredns:v1.8.6'],
    [25, 'coredns/coredns:v1.9.3'],
    [27, 'coredns/coredns:v1.10.1'],
    [29, 'coredns/coredns:v1.11.1'],
    [31, 'coredns/coredns:v1.11.3'],
    [33, 'coredns/coredns:v1.12.0'],
    [34, 'coredns/coredns:v1.12.1'],
    [35, 'coredns/coredns:v1.13.1'],
    [36, 'coredns/coredns:v1.14.2'],
    [37, 'coredns/coredns:v1.14.6'],
  ),
  etcd: versions(
    'etcd of the first release, DefaultEtcdVersion (later ones take newer patches)',
    (since) => `${constants} v1.${since}.0`,
    [20, '3.4.13'],
    [22, '3.5.0'],
    [23, '3.5.1'],
    [24, '3.5.3'],
    [25, '3.5.4'],
    [26, '3.5.6'],
    [27, '3.5.7'],
    [28, '3.5.9'],
    [29, '3.5.10'],
    [30, '3.5.12'],
    [31, '3.5.15'],
    [32, '3.5.16'],
    [33, '3.5.21'],
    [34, '3.6.4'],
    [35, '3.6.6'],
    [36, '3.6.8'],
    [37, '3.7.0'],
  ),
  leastEtcd: {
    otherwise: 'not looked up',
    ...versions(
      'least etcd that kubeadm takes when it does not run it itself (MinExternalEtcdVersion, latest patch releases)',
      (since) => `${constants} v1.${since}`,
      // the last 3.5 from which an upgrade to 3.6 is safe; knest upgrades no etcd in place and does not check it
      [31, '3.5.24'],
      [37, 'not looked up'],
    ),
  },
  pause: versions(
    'sandbox image (pause)',
    (since) => `${constants} v1.${since}`,
    [20, '3.2'],
    [21, '3.4.1'],
    [22, '3.5'],
    [23, '3.6'],
    [24, '3.7'],
    [25, '3.8'],
    [26, '3.9'],
    [31, '3.10'],
    [34, '3.10.1'],
    [36, '3.10.2'],
  ),
  cniPlugins: {
    otherwise: 'not looked up',
    ...versions(
      'CNI plugins of its tests',
      (since) => `${dependencies} v1.${since}`,
      [31, '1.5.1'],
      [32, '1.6.0'],
      [33, '1.6.2'],
      [34, '1.7.1'],
      [35, '1.8.0'],
      [36, '1.9.1'],
    ),
  },
} as const;
