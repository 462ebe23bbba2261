import { renderCommand, renderUnit } from '../../formats/systemd-unit.ts';
import type { Component } from './component.ts';
import { k8sTarget, nothing, pkiFolder, restartAlways, startEarly } from './component.ts';
import { certificateFiles, clientCertificate, publicFile } from './pki-files.ts';

/**
 * A member elects itself after a random part of the election timeout, and with the default of a second every start
 * waits up to one. Alone it has no heartbeats to miss, so the timeout may be short (etcd: "Tuning", milliseconds).
 */
const loneMember = { 'heartbeat-interval': 20, 'election-timeout': 100 } as const;

/** etcd, on control planes: mutual TLS to clients and peers alike, with an authority of its own. */
export const etcd: Component = (machine, cluster) => {
  if (machine.role !== 'control-plane') return nothing;
  const serving = {
    authority: 'etcd-ca',
    organizations: [],
    usages: ['server', 'client'],
    dnsNames: [machine.name, 'localhost'],
    ipAddresses: [machine.address, '127.0.0.1'],
  } as const;
  const server = `etcd-server-${machine.name}`;
  const peer = `etcd-peer-${machine.name}`;
  const command = renderCommand('/usr/bin/etcd', {
    name: machine.name,
    'data-dir': '/var/lib/etcd',
    'listen-client-urls': 'https://127.0.0.1:2379',
    'advertise-client-urls': 'https://127.0.0.1:2379',
    'listen-peer-urls': 'https://127.0.0.1:2380',
    'initial-advertise-peer-urls': 'https://127.0.0.1:2380',
    'initial-cluster': `${machine.name}=https://127.0.0.1:2380`,
    ...(cluster.controlPlanes.length === 1 ? loneMember : {}),
    'client-cert-auth': true,
    'trusted-ca-file': `${pkiFolder}/etcd-ca.crt`,
    'cert-file': `${pkiFolder}/${server}.crt`,
    'key-file': `${pkiFolder}/${server}.key`,
    'peer-client-cert-auth': true,
    'peer-trusted-ca-file': `${pkiFolder}/etcd-ca.crt`,
    'peer-cert-file': `${pkiFolder}/${peer}.crt`,
    'peer-key-file': `${pkiFolder}/${peer}.key`,
  });
  return {
    files: [
      publicFile('etcd-ca.crt'),
      ...certificateFiles(server),
      ...certificateFiles(peer),
      ...certificateFiles('etcd-healthcheck-client'),
    ],
    units: [
      {
        name: 'etcd.service',
        wantedBy: k8sTarget,
        text: renderUnit({
          Unit: {
            Description: 'etcd, the key-value store of Kubernetes',
            Documentation: 'https://etcd.io/docs/ man:etcd(1)',
            ...startEarly,
          },
          Service: {
            Type: 'notify',
            ExecStart: command,
            ...restartAlways,
            LimitNOFILE: '65536',
            TimeoutStartSec: '120',
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
          'https://127.0.0.1:2379/health',
        ],
      },
    ],
  };
};
