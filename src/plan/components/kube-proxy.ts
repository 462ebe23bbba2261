import { stringify } from 'yaml';

import { applyPatches } from '../../formats/merge-patch.ts';
import type { Component, ClusterContext, MachineContext } from './component.ts';
import { afterApiServer, afterNetwork, nothing, pkiFolder } from './component.ts';
import type { PlannedFile } from '../types.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';
import { kubernetesUnit } from './kubernetes-unit.ts';
import { certificateFiles, clientCertificate, publicFile, readAgain } from './pki-files.ts';
import { featureGates, withExtraArgs } from './settings.ts';

const kubeconfig = '/etc/kubernetes/kube-proxy.conf';
const configFile = '/etc/kubernetes/kube-proxy.yaml';

const waitForApi = '/usr/local/lib/knest/wait-for-api';

/**
 * Delays kube-proxy on workers until an API server answers, for twenty seconds at most. Started earlier it would ask again
 * only after 1, 2, 4, 8, ... seconds (client-go's reflectors), and Services would work that much later.
 */
const waitFile: PlannedFile = {
  path: waitForApi,
  mode: 0o755,
  content: {
    text: `#!/bin/sh
# Waits until an API server answers, for some twenty seconds. usage: wait-for-api URL
for attempt in $(seq 60); do
  curl -fs --max-time 1 -o /dev/null --cacert ${pkiFolder}/ca.crt $1/readyz && exit 0
  sleep 0.3
done
`,
  },
};

/** kube-proxy, on every node: ClusterIPs and NodePorts. */
export const kubeProxy: Component = (machine, cluster) =>
  cluster.spec.network.proxyMode === 'none'
    ? nothing
    : {
        files: [
          publicFile('ca.crt'),
          ...certificateFiles('kube-proxy'),
          kubeconfigFile(kubeconfig, 'kube-proxy', machine, cluster),
          {
            path: configFile,
            mode: 0o644,
            content: { text: stringify(configuration(machine, cluster)) },
          },
          ...(machine.role === 'worker' ? [waitFile] : []),
        ],
        units: [
          {
            ...kubernetesUnit('kube-proxy', {
              description: 'Kubernetes network proxy',
              flags: withExtraArgs({ config: configFile }, cluster.spec.components.kubeProxy.extraArgs),
              ...(machine.role === 'worker'
                ? { order: afterNetwork, before: { ExecStartPre: `${waitForApi} ${cluster.endpoint}` } }
                : { order: afterApiServer }),
            }),
            leaves: `rules of ${String(configuration(machine, cluster)['mode'])}`,
            ignores: readAgain('kube-proxy'),
          },
        ],
        certificates: [clientCertificate('kube-proxy', 'system:kube-proxy')],
        probes: [
          {
            says: 'kube-proxy is healthy',
            unit: 'kube-proxy.service',
            argv: ['curl', '-fsS', 'http://127.0.0.1:10256/healthz'],
          },
        ],
      };

/** What is the same on all nodes of the machine's version, as YAML; undefined: there is no kube-proxy. */
export function proxyConfigOfAll(machine: MachineContext, cluster: ClusterContext): string | undefined {
  if (cluster.spec.network.proxyMode === 'none') return undefined;
  const ofNode = ['hostnameOverride', 'bindAddress'];
  const entries = Object.entries(configuration(machine, cluster));
  return stringify(Object.fromEntries(entries.filter(([key]) => !ofNode.includes(key))));
}

/** KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1). */
function configuration(machine: MachineContext, cluster: ClusterContext) {
  const { network, components } = cluster.spec;
  const gates = featureGates(machine, cluster);
  const automatic = machine.traits.proxyNftables ? 'nftables' : 'iptables';
  const own = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    hostnameOverride: machine.name,
    // otherwise it asks the API server for its own address first, and waits while there is none
    bindAddress: machine.address,
    mode: network.proxyMode === 'auto' ? automatic : network.proxyMode,
    clusterCIDR: cluster.podSubnets.join(','),
    // with IPVS every node has all addresses of Services, and only one of them may answer for those of LoadBalancers
    ...(network.proxyMode === 'ipvs' && cluster.loadBalancer.length > 0 ? { ipvs: { strictARP: true } } : {}),
    ...(Object.keys(gates).length > 0 ? { featureGates: gates } : {}),
    // the connection tracker's limits are the host's, and /proc/sys is read-only here: leave them as they are
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
  return applyPatches(own, [components.kubeProxy.config]);
}
