/** A small plan with one of everything. */

import type { ClusterPlan } from '../../../src/plan/types.ts';

export const plan: ClusterPlan = {
  version: 3,
  kubernetesLayer: 'kubernetes-v1.20.2-debian-0123456789ab',
  cluster: 'demo',
  kubernetesVersion: 'v1.20.2',
  kubernetesReason: 'the download server does not answer',
  manager: 'direct',
  endpoint: 'https://10.90.0.2:6443',
  server: 'https://127.0.0.1:16443',
  context: 'knest-demo',
  network: {
    bridge: 'knest-demo',
    nodeSubnets: ['10.90.0.0/24', 'fd00:90::/64'],
    podSubnets: ['10.91.0.0/16', 'fd00:91::/56'],
    serviceSubnets: ['10.92.0.0/20', 'fd00:92::/112'],
    apiAddress: '10.90.0.2',
    cni: 'bridge',
  },
  layers: [
    {
      kind: 'rootfs',
      id: 'rootfs-trixie-0123',
      suite: 'trixie',
      mirror: undefined,
      securityMirror: 'http://mirror.example/security',
      packages: ['containerd', 'etcd-server'],
      requires: ['containerd', 'etcd'],
      proxy: 'http://proxy.example:3128',
    },
    {
      kind: 'kubernetes',
      id: 'kubernetes-v1.20.2-4567',
      version: 'v1.20.2',
      source: { kind: 'debian', suite: 'bookworm', mirror: undefined, proxy: undefined },
    },
  ],
  pki: {
    authorities: [{ name: 'etcd-ca', commonName: 'demo etcd' }],
    certificates: [
      {
        name: 'etcd-server',
        authority: 'etcd-ca',
        commonName: 'etcd',
        organizations: ['system:masters'],
        usages: ['server', 'client'],
        dnsNames: ['localhost'],
        ipAddresses: ['127.0.0.1'],
      },
    ],
    keyPairs: ['service-account'],
  },
  host: {
    sysctls: [
      { key: 'vm.overcommit_memory', from: '0', to: '1', rule: 'equal', why: 'kubelet insists on it' },
    ],
    setup: [
      { why: 'a bridge', argv: ['ip', 'link', 'add', 'br 0'], unless: ['ip', 'link', 'show', 'br 0'] },
      { why: 'NAT', argv: ['nft', '-f', '-'], input: 'table ip knest {\nEND\n}\n' },
    ],
    teardown: [{ why: 'the bridge', argv: ['ip', 'link', 'delete', 'br 0'], mayFail: true }],
    run: { manager: 'direct' },
  },
  machines: [
    {
      name: 'demo-control-plane',
      role: 'control-plane',
      slot: 0,
      address: '10.90.0.2',
      addresses: [
        { address: '10.90.0.2', prefixLength: 24, gateway: '10.90.0.1' },
        { address: 'fd00:90::2', prefixLength: 64, gateway: 'fd00:90::1' },
      ],
      podSubnets: ['10.91.0.0/24', 'fd00:91::/64'],
      kubernetesVersion: 'v1.20.2',
      ports: [
        { protocol: 'tcp', listenAddress: '127.0.0.1', hostPort: 8080, machinePort: 80 },
        { protocol: 'udp', listenAddress: undefined, hostPort: 53, machinePort: 30053 },
      ],
      folder: '/var/lib/knest/machines/demo-control-plane',
      root: '/var/lib/machines/demo-control-plane',
      upper: '/var/lib/knest/machines/demo-control-plane/upper',
      work: '/var/lib/knest/machines/demo-control-plane/work',
      layers: ['kubernetes-v1.20.2-4567', 'rootfs-trixie-0123'],
      binds: [
        { source: '/var/lib/knest/machines/demo-control-plane/etcd', target: '/var/lib/etcd' },
        { source: '/srv/data', target: '/data', readOnly: true },
      ],
      files: [
        { path: '/etc/hostname', mode: 0o644, content: { text: 'demo-control-plane\n' } },
        { path: '/etc/kubernetes/pki/etcd-ca.crt', mode: 0o600, content: { pki: 'etcd-ca.crt' } },
        { path: '/etc/empty', mode: 0o644, content: { text: '' } },
        { path: '/etc/localtime', mode: 0o777, content: { link: '/usr/share/zoneinfo/UTC' } },
      ],
      units: [
        { name: 'etcd.service', text: '[Service]\nExecStart=/usr/bin/etcd\n', wantedBy: 'k8s.target' },
        { name: 'k8s.target', text: '[Unit]\n' },
      ],
      probes: [{ says: 'etcd answers', unit: 'etcd.service', argv: ['etcdctl', 'endpoint', 'health'] }],
      liveCommands: [{ why: 'pods of demo-worker', argv: ['ip', 'route', 'replace', '10.91.1.0/24'] }],
      nodePatch: {
        metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } },
        spec: { podCIDR: '10.91.0.0/24', podCIDRs: ['10.91.0.0/24'] },
      },
      run: {
        manager: 'direct',
        path: '/var/lib/knest/machines/demo-control-plane/launch',
        script: '#!/bin/sh\nexec systemd-nspawn --boot\n',
        pidFile: '/run/knest/demo-control-plane.pid',
        logFile: '/var/lib/knest/machines/demo-control-plane/console.log',
        started: [],
        cgroups: ['/sys/fs/cgroup/knest/demo-control-plane'],
        argv: ['systemd-nspawn', '--boot'],
      },
    },
  ],
};
