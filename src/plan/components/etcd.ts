import { urlHost } from '../../formats/cidr.ts';
import { renderCommand, renderUnit } from '../../formats/systemd-unit.ts';
import type { Flags } from '../../formats/systemd-unit.ts';
import type { ClusterContext, Component, MachineContext, Peer } from './component.ts';
import { k8sTarget, nothing, pkiFolder, restartAlways, startEarly } from './component.ts';
import { certificateFiles, certificatePaths, clientCertificate, publicFile } from './pki-files.ts';
import { volumeSettings, withExtraArgs } from './settings.ts';

export const etcdClientPort = 2379;
const etcdPeerPort = 2380;

/**
 * A member elects itself after a random part of the election timeout, and with the default of a second every start
 * waits up to one. Alone it has no heartbeats to miss, so the timeout may be short (etcd: "Tuning", milliseconds).
 */
const loneMember = { 'heartbeat-interval': 20, 'election-timeout': 100 } as const;

const initialFile = '/etc/kubernetes/etcd-initial.env';

/** etcd, on control planes: mutual TLS to clients and peers alike, with an authority of its own. */
export const etcd: Component = (machine, cluster) => {
  if (machine.role !== 'control-plane') return nothing;
  const serving = {
    authority: 'etcd-ca',
    organizations: [],
    usages: ['server', 'client'],
    dnsNames: [machine.name, 'localhost'],
    ipAddresses: [...machine.addresses.map(({ address }) => address), '127.0.0.1'],
  } as const;
  const server = `etcd-server-${machine.name}`;
  const peer = `etcd-peer-${machine.name}`;
  const settings = cluster.spec.components.etcd;
  const flags = withExtraArgs(ownFlags(machine, cluster, { server, peer }), settings.extraArgs);
  return {
    files: [
      publicFile('etcd-ca.crt'),
      ...certificateFiles(server),
      ...certificateFiles(peer),
      ...certificateFiles('etcd-healthcheck-client'),
      { path: initialFile, mode: 0o644, content: { text: initialMembers(machine, cluster) } },
    ],
    units: [
      {
        name: 'etcd.service',
        wantedBy: k8sTarget,
        // certificates: read anew for each connection (etcd: client/pkg/transport, baseConfig; 3.4 to 3.6)
        ignores: [initialFile, ...certificatePaths(server, peer)],
        text: renderUnit({
          Unit: {
            Description: 'etcd, the key-value store of Kubernetes',
            Documentation: 'https://etcd.io/docs/ man:etcd(1)',
            ...startEarly,
          },
          Service: {
            Type: 'notify',
            EnvironmentFile: initialFile,
            ...volumeSettings(settings),
            ExecStart: renderCommand('/usr/bin/etcd', flags),
            ...restartAlways,
            LimitNOFILE: '65536',
            TimeoutStartSec: '600',
            // it waits five seconds for watches to end; after a kill it is as sound as after a crash
            TimeoutStopSec: '3',
          },
        }),
      },
    ],
    certificates: [
      { ...serving, name: server, commonName: machine.name },
      { ...serving, name: peer, commonName: machine.name },
      clientCertificate('etcd-healthcheck-client', 'etcd-healthcheck-client', [], 'etcd-ca'),
    ],
    probes: [
      {
        says: 'etcd answers',
        unit: 'etcd.service',
        argv: [
          'curl',
          '-fsS',
          ...['--cacert', `${pkiFolder}/etcd-ca.crt`],
          ...['--cert', `${pkiFolder}/etcd-healthcheck-client.crt`],
          ...['--key', `${pkiFolder}/etcd-healthcheck-client.key`],
          `https://127.0.0.1:${etcdClientPort}/health`,
        ],
      },
    ],
  };
};

/** @param certificates names of those that etcd shows to clients and to other members */
function ownFlags(
  machine: MachineContext,
  { controlPlanes }: ClusterContext,
  certificates: { server: string; peer: string },
): Flags {
  // every address: the machine's own is not there yet when etcd starts. Without a certificate nobody gets in.
  const everywhere = machine.address.includes(':') ? '[::]' : '0.0.0.0';
  return {
    name: machine.name,
    'data-dir': '/var/lib/etcd',
    'listen-client-urls': `https://${everywhere}:${etcdClientPort}`,
    'advertise-client-urls': etcdClientUrl(machine),
    'listen-peer-urls': `https://${everywhere}:${etcdPeerPort}`,
    'initial-advertise-peer-urls': etcdPeerUrl(machine),
    ...(controlPlanes.length === 1 ? loneMember : {}),
    'client-cert-auth': true,
    'trusted-ca-file': `${pkiFolder}/etcd-ca.crt`,
    'cert-file': `${pkiFolder}/${certificates.server}.crt`,
    'key-file': `${pkiFolder}/${certificates.server}.key`,
    'peer-client-cert-auth': true,
    'peer-trusted-ca-file': `${pkiFolder}/etcd-ca.crt`,
    'peer-cert-file': `${pkiFolder}/${certificates.peer}.crt`,
    'peer-key-file': `${pkiFolder}/${certificates.peer}.key`,
  };
}

/** Where clients find a member. */
export function etcdClientUrl({ address }: Pick<Peer, 'address'>): string {
  return `https://${urlHost(address)}:${etcdClientPort}`;
}

/** Where members find a member. */
export function etcdPeerUrl({ address }: Peer): string {
  return `https://${urlHost(address)}:${etcdPeerPort}`;
}

/**
 * The members that a member without data starts with; etcd ignores this once it has data. It is a file and not flags, so
 * that adding or deleting a control plane changes no unit of the others. A joining member must name the present members and
 * itself, no more (etcd: "member count is unequal").
 */
function initialMembers(machine: MachineContext, { controlPlanes, joining }: ClusterContext): string {
  const joins = joining.has(machine.name);
  const own = controlPlanes.findIndex(({ name }) => name === machine.name);
  const members = controlPlanes.filter(({ name }, index) => !joins || !joining.has(name) || index <= own);
  const list = members.map((member) => `${member.name}=${etcdPeerUrl(member)}`).join(',');
  return `ETCD_INITIAL_CLUSTER=${list}\nETCD_INITIAL_CLUSTER_STATE=${joins ? 'existing' : 'new'}\n`;
}
