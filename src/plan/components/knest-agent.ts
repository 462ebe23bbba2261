import type { AgentConfig, ApiAccess, ObjectsFile } from '../../agent/contract.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import type { PlannedUnit } from '../types.ts';
import type { Component, ClusterContext, MachineContext } from './component.ts';
import { afterApiServer, apiPort, k8sTarget, nodeLink, pkiFolder, restartAlways } from './component.ts';
import { coreDnsObjects, coreDnsWorkload } from '../manifests/coredns.ts';
import { agentGroups, agentObjects } from '../manifests/knest-agent.ts';
import { kubeadmObjects } from '../manifests/kubeadm.ts';
import { loadBalancerGroups, loadBalancerObjects } from '../manifests/load-balancer.ts';
import { hostNetworkDnsPort } from '../network/host-network.ts';
import { adminCertificate } from '../pki.ts';
import { ingressGroup, ingressObjects, ingressClassObject } from '../manifests/ingress.ts';
import { metricsGroup, metricsObjects } from '../manifests/metrics.ts';
import { ingressConfiguration, servesIngresses } from './ingress.ts';
import { renewalGroups, renewalObjects } from '../manifests/certificate-renewal.ts';
import { proxyConfigOfAll } from './kube-proxy.ts';
import { registryHosting } from './local-registry.ts';
import { certificateFiles, certificatePaths, clientCertificate, publicFile } from './pki-files.ts';
import { runtimeClasses } from './runtimes.ts';
import { podSocket } from './pod-network.ts';
import { answersMetrics, metricsCertificate, metricsConfiguration } from './resource-metrics.ts';

/** Says which certificates a node has, and when they are renewed. */
export const certificatesFile = '/etc/kubernetes/knest-certificates.json';
const configFile = '/etc/kubernetes/knest-agent.json';
const objectsFile = '/etc/kubernetes/knest-objects.json';
/** Where a machine has it. */
export const agentPath = '/usr/local/lib/knest/knest-agent.mjs';
const healthPort = 10262;
/** UDP, of every node's address. */
const pulsePort = 10263;

/** Folder of a node's volumes; a plain directory of the host, as an overlay's upper one would be slower. */
export const volumesFolder = '/var/lib/knest-volumes';

/** knest-agent: cluster DNS and metrics on control planes; volumes, network policies and addresses of Services on every node. */
export const knestAgent: Component = (machine, cluster) => {
  const certificate = `knest-agent-${machine.name}`;
  const balances = cluster.loadBalancer.length > 0;
  const groups = [
    agentGroups.storage,
    ...(cluster.spec.network.networkPolicy ? [agentGroups.networkPolicy] : []),
    ...(balances ? [loadBalancerGroups.announcer] : []),
    ...(answersNames(machine, cluster) ? [agentGroups.dns] : []),
    ...(machine.role === 'control-plane' && balances ? [loadBalancerGroups.controller] : []),
    ...(answersMetrics(machine, cluster) ? [metricsGroup] : []),
    ...(servesIngresses(machine, cluster) ? [ingressGroup] : []),
    ...(cluster.spec.certificates ? [renewalGroups.node] : []),
    ...(cluster.spec.certificates && machine.role === 'control-plane' ? [renewalGroups.signer] : []),
  ];
  return {
    files: [
      publicFile('ca.crt'),
      ...certificateFiles(certificate),
      {
        path: configFile,
        mode: 0o644,
        content: { text: `${JSON.stringify(configuration(machine, cluster, certificate), undefined, 2)}\n` },
      },
      { path: agentPath, mode: 0o644, content: { asset: 'knest-agent.mjs' } },
      ...(appliesObjects(machine, cluster)
        ? [{ path: objectsFile, mode: 0o644, content: { text: objects(machine, cluster) } }]
        : []),
    ],
    units: [
      {
        name: 'knest-agent.service',
        wantedBy: k8sTarget,
        // src/agent/kubernetes/follow-credentials.ts
        ignores: certificatePaths(certificate, metricsCertificate),
        text: renderUnit({
          Unit: {
            Description: 'Cluster DNS, volumes, network policies, addresses of Services, metrics',
            ...afterApiServer,
          },
          Service: {
            // A small young generation is collected more often and stays small (V8's default grows to 48 MB); one
            // thread is enough for the few files it reads.
            Environment: ['UV_THREADPOOL_SIZE=1', 'NODE_ENV=production'],
            ExecStart: `/usr/bin/node --max-semi-space-size=2 --v8-pool-size=1 ${agentPath} ${configFile}`,
            ...restartAlways,
            // other agents are told that this one goes
            TimeoutStopSec: '3',
          },
        }),
        ...(cluster.spec.network.networkPolicy ? { leaves: 'rules of network policies' } : {}),
      },
      ...(appliesObjects(machine, cluster) ? [objectsUnit] : []),
    ],
    certificates: [clientCertificate(certificate, `system:knest-agent:${machine.name}`, groups)],
    probes: [
      {
        says: 'knest-agent knows the cluster',
        unit: 'knest-agent.service',
        argv: ['curl', '-fsS', `http://127.0.0.1:${healthPort}/ready`],
      },
    ],
  };
};

function answersNames({ role }: MachineContext, { spec }: ClusterContext): boolean {
  return role === 'control-plane' && spec.dns.provider === 'knest';
}

/** Once is enough. */
function appliesObjects(machine: MachineContext, { controlPlanes }: ClusterContext): boolean {
  return controlPlanes[0]?.name === machine.name;
}

/** With the administrator's certificate: what the agent may do cannot be granted by the agent. */
const objectsUnit: PlannedUnit = {
  name: 'knest-objects.service',
  wantedBy: k8sTarget,
  // it is done once it has run; that of kube-proxy is only named in an object
  ignores: certificatePaths(adminCertificate, 'kube-proxy'),
  text: renderUnit({
    Unit: { Description: 'Objects that the cluster has from its beginning', ...afterApiServer },
    Service: {
      Type: 'oneshot',
      RemainAfterExit: 'yes',
      ExecStart: `/usr/bin/node ${agentPath} apply ${objectsFile}`,
      // it tries until it has succeeded
      TimeoutStartSec: 'infinity',
    },
  }),
};

function objects(machine: MachineContext, cluster: ClusterContext): string {
  const { dns } = cluster.spec;
  const serviceAddress = cluster.dnsServiceAddress;
  const image = `registry.k8s.io/${machine.traits.coreDnsImage}`;
  const coreDns = dns.provider === 'coredns' ? { dns, serviceAddress, image } : undefined;
  const once = [
    ...(coreDns ? coreDnsWorkload(coreDns) : []),
    ...(cluster.spec.ingress ? [ingressClassObject] : []),
  ];
  const file: ObjectsFile = {
    api: apiAccess(machine, cluster, adminCertificate),
    objects: [
      ...agentObjects(dns.provider === 'knest' ? serviceAddress : undefined),
      ...(coreDns ? coreDnsObjects(coreDns) : []),
      ...(cluster.loadBalancer.length > 0 ? loadBalancerObjects : []),
      ...(cluster.spec.metrics ? metricsObjects : []),
      ...(cluster.spec.ingress ? ingressObjects : []),
      ...(cluster.spec.certificates ? renewalObjects : []),
      ...kubeadmObjects(cluster, machine, proxyConfigOfAll(machine, cluster)),
      ...registryHosting(cluster),
      ...runtimeClasses(cluster.spec.runtimes),
    ],
    ...(once.length > 0 ? { once } : {}),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** A control plane asks its own API server, for as long as that one lives. */
export function apiAccess(machine: MachineContext, cluster: ClusterContext, certificate: string): ApiAccess {
  return {
    server: machine.role === 'control-plane' ? `https://127.0.0.1:${apiPort}` : cluster.endpoint,
    authority: `${pkiFolder}/ca.crt`,
    certificate: `${pkiFolder}/${certificate}.crt`,
    key: `${pkiFolder}/${certificate}.key`,
  };
}

function configuration(machine: MachineContext, cluster: ClusterContext, certificate: string): AgentConfig {
  return {
    version: 1,
    node: machine.name,
    address: machine.address,
    api: apiAccess(machine, cluster, certificate),
    healthPort,
    storage: { folder: volumesFolder },
    ...(cluster.spec.network.networkPolicy
      ? {
          networkPolicy: {
            families: machine.podSubnets.map((subnet) => (subnet.includes(':') ? 6 : 4)),
            socket: podSocket,
          },
        }
      : {}),
    ...(cluster.loadBalancer.length > 0
      ? {
          loadBalancer: {
            addresses: cluster.loadBalancer,
            link: nodeLink,
            port: pulsePort,
            controller: machine.role === 'control-plane',
          },
        }
      : {}),
    ...(answersMetrics(machine, cluster) ? { metrics: metricsConfiguration() } : {}),
    ...(servesIngresses(machine, cluster) ? { ingress: ingressConfiguration(machine, cluster) } : {}),
    ...(cluster.spec.certificates ? { certificates: certificatesFile } : {}),
    ...(answersNames(machine, cluster)
      ? {
          dns: {
            domain: 'cluster.local',
            serviceAddress: cluster.dnsServiceAddress,
            ownSubnets: [...cluster.serviceSubnets, ...cluster.podSubnets],
            savedCluster: '/var/lib/knest-agent/cluster.json',
            port: cluster.spec.network.mode === 'host' ? hostNetworkDnsPort : 53,
            metricsPort: 9153,
            ...(cluster.spec.dns.upstream ? { upstream: cluster.spec.dns.upstream } : {}),
            resolvConf: '/etc/resolv.conf',
            stubDomains: cluster.spec.dns.stubDomains,
            hosts: cluster.spec.dns.hosts,
          },
        }
      : {}),
  };
}
