import { isAddress } from '../../formats/cidr.ts';
import type { Flags } from '../../formats/systemd-unit.ts';
import type { PlannedCertificate } from '../../pki/types.ts';
import type { PlannedFile } from '../types.ts';
import { adminCertificate } from '../pki.ts';
import { apiServerPolicies } from './api-server-policies.ts';
import type { ClusterContext, Component, MachineContext } from './component.ts';
import { apiPort, nothing, pkiFolder, startEarly } from './component.ts';
import { etcdClientPort } from './etcd.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';
import { kubernetesUnit } from './kubernetes-unit.ts';
import {
  certificateFiles,
  certificatePaths,
  clientCertificate,
  frontProxyClient,
  publicFile,
  secretFile,
} from './pki-files.ts';
import { answersMetrics } from './resource-metrics.ts';
import { featureGates, featureGatesFlag, volumeSettings, withExtraArgs } from './settings.ts';

/**
 * API servers behind this one whose APIService has no caBundle are known by these authorities: the system's, and the
 * cluster's own, for knest-agent's metrics (Go: crypto/x509, SSL_CERT_DIR).
 */
const authoritiesOfApis = `${pkiFolder}/aggregated`;
const environment = [`SSL_CERT_DIR=/etc/ssl/certs:${authoritiesOfApis}`];

const pki = (file: string): string => `${pkiFolder}/${file}`;

/** kube-apiserver, on control planes (Kubernetes: "kube-apiserver" in the command line reference). */
export const kubeApiserver: Component = (machine, cluster) => {
  if (machine.role !== 'control-plane') return nothing;
  const settings = cluster.spec.components.kubeApiserver;
  return {
    files: files(machine, cluster),
    units: [
      {
        ...kubernetesUnit('kube-apiserver', {
          description: 'Kubernetes API server',
          flags: withExtraArgs(ownFlags(machine, cluster), settings.extraArgs),
          type: 'notify',
          ...(answersMetrics(machine, cluster) ? { environment } : {}),
          // Beside etcd, not after it: etcd listens at once but takes half a second to be ready, and the API server needs
          // that long before it has something to ask.
          order: { Wants: 'etcd.service', ...startEarly },
          before: volumeSettings(settings),
          after: {
            LimitNOFILE: '65536',
            TimeoutStartSec: '600',
            // it waits up to a minute for watches to end, which end with it; what it knows is in etcd
            TimeoutStopSec: '3',
          },
        }),
        ignores: certificatePaths(servingCertificate(machine), ...ownClients),
      },
    ],
    certificates: certificates(machine, cluster),
    probes: [
      {
        says: 'kube-apiserver is ready',
        unit: 'kube-apiserver.service',
        argv: ['curl', '-fsS', '--cacert', pki('ca.crt'), `https://127.0.0.1:${apiPort}/readyz`],
      },
    ],
  };
};

/**
 * What it proves itself with elsewhere. All of it, and the serving certificate, is read again within a minute or for each
 * connection: dynamiccertificates (serving, front proxy), client-go's transport (kubelets), etcd's transport; 1.20 to 1.36.
 */
const ownClients = ['apiserver-etcd-client', 'apiserver-kubelet-client', frontProxyClient];

function servingCertificate({ name }: MachineContext): string {
  return `apiserver-${name}`;
}

function ownFlags(machine: MachineContext, cluster: ClusterContext): Flags {
  const policies = apiServerPolicies(machine, cluster);
  const runtimeConfig = Object.entries(cluster.spec.kubernetes.runtimeConfig).map(
    ([api, value]) => `${api}=${value}`,
  );
  return {
    'advertise-address': machine.address,
    'secure-port': apiPort,
    'allow-privileged': true,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'enable-bootstrap-token-auth': true,
    'client-ca-file': pki('ca.crt'),
    'tls-cert-file': pki(`${servingCertificate(machine)}.crt`),
    'tls-private-key-file': pki(`${servingCertificate(machine)}.key`),
    // its own member: one that is cut off makes this API server not ready, and another takes over the API address
    'etcd-servers': `https://127.0.0.1:${etcdClientPort}`,
    'etcd-cafile': pki('etcd-ca.crt'),
    'etcd-certfile': pki('apiserver-etcd-client.crt'),
    'etcd-keyfile': pki('apiserver-etcd-client.key'),
    'service-cluster-ip-range': cluster.serviceSubnets.join(','),
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': pki('sa.pub'),
    'service-account-signing-key-file': pki('sa.key'),
    'kubelet-certificate-authority': pki('ca.crt'),
    'kubelet-client-certificate': pki('apiserver-kubelet-client.crt'),
    'kubelet-client-key': pki('apiserver-kubelet-client.key'),
    // node names are in nobody's DNS: exec and logs would fail to look them up
    'kubelet-preferred-address-types': 'InternalIP',
    // the aggregation layer: metrics-server and other API servers behind this one
    'proxy-client-cert-file': pki(`${frontProxyClient}.crt`),
    'proxy-client-key-file': pki(`${frontProxyClient}.key`),
    'requestheader-client-ca-file': pki('front-proxy-ca.crt'),
    'requestheader-allowed-names': frontProxyClient,
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-username-headers': 'X-Remote-User',
    'feature-gates': featureGatesFlag({
      ...policies.featureGates,
      ...featureGates(machine, cluster),
    }),
    'runtime-config': runtimeConfig.length === 0 ? undefined : runtimeConfig.join(','),
    profiling: false,
    ...policies.flags,
  };
}

function files(machine: MachineContext, cluster: ClusterContext): PlannedFile[] {
  return [
    publicFile('ca.crt'),
    publicFile('etcd-ca.crt'),
    publicFile('front-proxy-ca.crt'),
    publicFile('sa.pub'),
    secretFile('sa.key'),
    ...[servingCertificate(machine), ...ownClients].flatMap(certificateFiles),
    ...(answersMetrics(machine, cluster)
      ? [{ ...publicFile('ca.crt'), path: `${authoritiesOfApis}/ca.crt` }]
      : []),
    ...apiServerPolicies(machine, cluster).files,
    // for kubectl inside the machine, where kubeadm puts it too
    ...certificateFiles(adminCertificate),
    kubeconfigFile('/etc/kubernetes/admin.conf', adminCertificate, machine, cluster),
  ];
}

function certificates(machine: MachineContext, cluster: ClusterContext): PlannedCertificate[] {
  const { apiServer } = cluster.spec.network;
  return [
    {
      name: servingCertificate(machine),
      authority: 'ca',
      commonName: 'kube-apiserver',
      organizations: [],
      usages: ['server'],
      dnsNames: [
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
        machine.name,
        'localhost',
        ...apiServer.certSANs.filter((name) => !isAddress(name)),
      ],
      ipAddresses: [
        ...new Set([
          cluster.apiServiceAddress,
          cluster.apiAddress,
          ...machine.addresses.map(({ address }) => address),
          '127.0.0.1',
          ...(isListenable(apiServer.listenAddress) ? [apiServer.listenAddress] : []),
          ...apiServer.certSANs.filter(isAddress),
        ]),
      ],
    },
    clientCertificate('apiserver-etcd-client', 'kube-apiserver-etcd-client', [], 'etcd-ca'),
    // exec, logs and port-forward need nodes/proxy, which system:masters has
    clientCertificate('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', ['system:masters']),
    clientCertificate(frontProxyClient, frontProxyClient, [], 'front-proxy-ca'),
  ];
}

/** Whether it is the address of one interface: 0.0.0.0 and :: stand for all of them, and have no place in a certificate. */
function isListenable(address: string | undefined): address is string {
  return address !== undefined && !['0.0.0.0', '::'].includes(address);
}
