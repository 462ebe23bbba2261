import { parse as parseToml } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import type { HostFacts } from '../../../src/facts/types.ts';
import {
  flagsOf,
  fromRelease,
  machineOf,
  nodesOf,
  planOf,
  sandboxFacts,
  textOf,
  networkSpec,
} from '../../fixtures/cluster.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';

const twoNodes = { nodes: nodesOf('control-plane', 'worker') };

describe('etcd', () => {
  const flags = flagsOf(machineOf(planOf()), 'etcd.service');

  it('speaks TLS only, and tells others the machine’s address', () => {
    const urls = Object.entries(flags).filter(([name]) => name.endsWith('-urls'));
    expect(urls.length).toBe(4);
    for (const [name, url] of urls) expect(url, name).toMatch(/^https:\/\/(0\.0\.0\.0|10\.89\.0\.2):\d+$/);
  });

  it('wants a certificate from clients and peers, of an authority of its own', () => {
    expect(flags).toMatchObject({
      'client-cert-auth': 'true',
      'peer-client-cert-auth': 'true',
      'trusted-ca-file': '/etc/kubernetes/pki/etcd-ca.crt',
      'peer-trusted-ca-file': '/etc/kubernetes/pki/etcd-ca.crt',
    });
    const { pki } = planOf();
    const speakers = pki.certificates.filter(({ authority }) => authority === 'etcd-ca');
    expect(speakers.map(({ name }) => name)).toEqual([
      'etcd-server-knest-control-plane',
      'etcd-peer-knest-control-plane',
      'etcd-healthcheck-client',
      'apiserver-etcd-client',
    ]);
  });
});

describe('kube-apiserver', () => {
  const plan = planOf({ spec: twoNodes });
  const flags = flagsOf(machineOf(plan), 'kube-apiserver.service');

  it('lets in whom RBAC and the Node authorizer let in', () => {
    expect(flags['authorization-mode']).toBe('Node,RBAC');
    expect(flags['enable-admission-plugins']).toContain('NodeRestriction');
  });

  it('has every flag of the aggregation layer', () => {
    const wanted = ['proxy-client-cert-file', 'proxy-client-key-file'].concat(
      ['client-ca-file', 'allowed-names', 'extra-headers-prefix', 'group-headers', 'username-headers'].map(
        (name) => `requestheader-${name}`,
      ),
    );
    for (const flag of wanted) expect(flags).toHaveProperty(flag);
    const proxy = plan.pki.certificates.find(({ name }) => name === 'front-proxy-client');
    expect(proxy?.commonName).toBe(flags['requestheader-allowed-names']);
    // who may speak for others must not be anyone with a client certificate of the cluster
    expect(flags['requestheader-client-ca-file']).not.toBe(flags['client-ca-file']);
  });

  it('has a certificate for all names it is reached by', () => {
    const serving = plan.pki.certificates.find(({ name }) => name.startsWith('apiserver-knest'));
    expect(serving?.ipAddresses).toEqual(['10.96.0.1', '10.89.0.254', '10.89.0.2', '127.0.0.1']);
    expect(serving?.dnsNames).toEqual(expect.arrayContaining(['kubernetes.default.svc', 'localhost']));
    expect(plan.endpoint).toBe('https://10.89.0.254:6443');
  });

  it('finds kubelets without DNS and may do everything there', () => {
    expect(flags['kubelet-preferred-address-types']).toBe('InternalIP');
    const client = plan.pki.certificates.find(({ name }) => name === 'apiserver-kubelet-client');
    expect(client?.organizations).toEqual(['system:masters']);
  });

  it('takes more flags from a file', () => {
    const unit = textOf(machineOf(plan), 'kube-apiserver.service');
    expect(unit).toContain('EnvironmentFile=-/etc/kubernetes/kube-apiserver.env\n');
    expect(unit).toMatch(/ExecStart=(.+ \\\n)+ {4}\$KUBE_APISERVER_ARGS\n/);
  });
});

describe('kubeconfigs', () => {
  const { machines, endpoint } = planOf({ spec: twoNodes });
  const all = machines.flatMap((machine) =>
    machine.files
      .filter(({ path }) => /^\/etc\/kubernetes\/.*\.conf$/.test(path))
      .map(({ path }) => [machine.name, path, machine] as const),
  );

  it('are there for everyone who talks to the API server', () => {
    expect(all.map(([, path]) => path.replace('/etc/kubernetes/', '')).sort()).toEqual([
      ...['admin.conf', 'controller-manager.conf', 'kube-proxy.conf', 'kube-proxy.conf'],
      ...['kubelet.conf', 'kubelet.conf', 'scheduler.conf'],
    ]);
  });

  it.each(all)('on %s: %s goes the shortest way', (_name, path, machine) => {
    const { clusters } = parse(textOf(machine, path)) as { clusters: { cluster: { server: string } }[] };
    const expected = machine.role === 'control-plane' ? 'https://127.0.0.1:6443' : endpoint;
    expect(clusters[0]?.cluster.server).toBe(expected);
  });
});

describe('kubelet', () => {
  interface KubeletConfig extends Record<string, unknown> {
    authentication: { anonymous: { enabled: boolean }; webhook: { enabled: boolean } };
  }
  const configOf = (version: string, facts: HostFacts): KubeletConfig =>
    parse(
      textOf(machineOf(planOf({ kubernetes: fromRelease(version), facts })), '/etc/kubernetes/kubelet.yaml'),
    ) as KubeletConfig;

  it('lets nobody in whom the API server does not know', () => {
    expect(configOf('v1.20.2', hostFacts())).toMatchObject({
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
      readOnlyPort: 0,
    });
  });

  it('is known to the Node authorizer by its certificate', () => {
    const { pki } = planOf({ spec: twoNodes });
    for (const name of ['knest-control-plane', 'knest-worker']) {
      expect(pki.certificates.find((one) => one.name === `kubelet-${name}`)).toMatchObject({
        commonName: `system:node:${name}`,
        organizations: ['system:nodes'],
        usages: ['client'],
      });
    }
  });

  it.each([
    // version, --container-runtime, endpoint flag, endpoint in config, pause flag
    ['v1.20.2', 'remote', true, false, true],
    ['v1.23.0', 'remote', true, false, true],
    ['v1.24.0', undefined, true, false, true],
    ['v1.26.15', undefined, true, false, true],
    ['v1.27.0', undefined, false, true, true],
    ['v1.31.4', undefined, false, true, true],
    ['v1.34.1', undefined, false, true, true],
    ['v1.36.2', undefined, false, true, false],
  ])('of %s is told its runtime in the way it understands', (version, runtime, flag, field, pause) => {
    const flags = flagsOf(machineOf(planOf({ kubernetes: fromRelease(version) })), 'kubelet.service');
    const config = configOf(version, hostFacts());
    expect(flags['container-runtime']).toBe(runtime);
    expect(flags['container-runtime-endpoint'] !== undefined).toBe(flag);
    expect(config['containerRuntimeEndpoint'] !== undefined).toBe(field);
    expect(flags['pod-infra-container-image'] !== undefined).toBe(pause);
  });

  it.each([
    ['v1.30.0', 'hybrid', undefined],
    ['v1.31.0', 'hybrid', false],
    ['v1.36.2', 'v1', false],
    ['v1.36.2', 'v2', undefined],
  ] as const)('of %s on cgroup %s has failCgroupV1 %s', (version, cgroup, expected) => {
    const facts =
      cgroup === 'v2' ? hostFacts() : sandboxFacts({ cgroup: { version: cgroup, hierarchies: [] } });
    expect(configOf(version, facts)['failCgroupV1']).toBe(expected);
  });
});

describe('cgroups', () => {
  it.each([
    ['v1', 'cgroupfs', false],
    ['hybrid', 'cgroupfs', false],
    ['v2', 'systemd', true],
  ] as const)('of %s are made by %s, as kubelet and containerd agree', (version, driver, systemdCgroup) => {
    const machine = machineOf(
      planOf({ facts: hostFacts({ cgroup: { version, hierarchies: ['/sys/fs/cgroup'] } }) }),
    );
    expect(parse(textOf(machine, '/etc/kubernetes/kubelet.yaml'))).toMatchObject({ cgroupDriver: driver });
    const runc = criOf(machine).containerd.runtimes.runc;
    expect(runc.options.SystemdCgroup).toBe(systemdCgroup);
    // read-only as systemd-nspawn mounts them: only on v1
    expect(textOf(machine, 'knest-mounts.service').includes('remount,rw')).toBe(version !== 'v2');
  });
});

describe('containerd', () => {
  it.each([
    ['without', sandboxFacts(), true],
    ['with', hostFacts(), false],
  ])('%s CAP_SYS_RESOURCE has restrict_oom_score_adj %s', (_name, facts, expected) => {
    expect(criOf(machineOf(planOf({ facts }))).restrict_oom_score_adj).toBe(expected);
  });

  it('uses the sandbox image that is brought in, by the same name as the kubelet', () => {
    const machine = machineOf(planOf());
    expect(criOf(machine).sandbox_image).toBe(
      flagsOf(machine, 'kubelet.service')['pod-infra-container-image'],
    );
    expect(textOf(machine, 'knest-images.service')).toMatch(
      /ctr --namespace k8s\.io images import .*pause\.tar/,
    );
  });
});

describe('kube-proxy', () => {
  it.each([
    ['v1.20.2', 'iptables'],
    ['v1.32.9', 'iptables'],
    ['v1.33.0', 'nftables'],
    ['v1.36.2', 'nftables'],
  ])('of %s uses %s', (version, mode) => {
    const machine = machineOf(planOf({ kubernetes: fromRelease(version) }));
    expect(parse(textOf(machine, '/etc/kubernetes/kube-proxy.yaml'))).toMatchObject({
      mode,
      clusterCIDR: '10.244.0.0/16',
      // /proc/sys is read-only: it must not try to raise anything
      conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    });
  });
});

describe.each(['kube-controller-manager', 'kube-scheduler'])('%s', (component) => {
  it.each([
    ['v1.20.2', '0'],
    ['v1.22.17', '0'],
    ['v1.24.0', undefined],
    ['v1.36.2', undefined],
  ])('of %s has --port=%s: nothing listens without TLS', (version, port) => {
    const machine = machineOf(planOf({ kubernetes: fromRelease(version) }));
    const flags = flagsOf(machine, `${component}.service`);
    expect(flags['port']).toBe(port);
    expect(flags['bind-address']).toBe('127.0.0.1');
  });

  it.each([
    [1, 'false'],
    [3, 'true'],
  ])('of %i control planes elects a leader: %s', (count, expected) => {
    const nodes = nodesOf(...Array.from({ length: count }, () => 'control-plane' as const));
    const flags = flagsOf(machineOf(planOf({ spec: { nodes } })), `${component}.service`);
    expect(flags['leader-elect']).toBe(expected);
  });
});

describe('the pod network', () => {
  it('is CNI’s bridge in the machine’s own subnet, with host ports', () => {
    const plan = planOf({ spec: twoNodes });
    const lists = plan.machines.map(
      (machine) =>
        JSON.parse(textOf(machine, '/etc/cni/net.d/10-knest.conflist')) as {
          plugins: { type: string; hairpinMode?: boolean; ipam?: { ranges: unknown } }[];
        },
    );
    expect(lists.map(({ plugins }) => plugins[0]?.ipam?.ranges)).toEqual([
      [[{ subnet: '10.244.0.0/24' }]],
      [[{ subnet: '10.244.1.0/24' }]],
    ]);
    expect(lists[0]?.plugins.map(({ type }) => type)).toEqual(['knest-bridge', 'portmap']);
    expect(lists[0]?.plugins[0]?.hairpinMode).toBe(true);
  });

  it('is that plugin itself where no policies are enforced', () => {
    const plan = planOf({ spec: { network: networkSpec({ networkPolicy: false }) } });
    expect(textOf(machineOf(plan), '/etc/cni/net.d/10-knest.conflist')).toContain('"type": "bridge"');
  });
});

describe('every service', () => {
  it('is restarted for ever', () => {
    const { units } = machineOf(planOf());
    const daemons = units.filter(
      ({ name, text }) => name.endsWith('.service') && !text.includes('Type=oneshot'),
    );
    expect(daemons.length).toBe(8);
    for (const { name, text } of daemons) expect(text, name).toContain('Restart=always\n');
    expect(textOf(machineOf(planOf()), '/etc/systemd/system.conf.d/10-knest.conf')).toContain(
      'DefaultStartLimitIntervalSec=0\n',
    );
  });
});

interface Cri {
  restrict_oom_score_adj: boolean;
  sandbox_image: string;
  containerd: { runtimes: { runc: { options: { SystemdCgroup: boolean } } } };
}

function criOf(machine: Parameters<typeof textOf>[0]): Cri {
  const config = parseToml(textOf(machine, '/etc/containerd/config.toml')) as unknown as {
    plugins: Record<string, Cri>;
  };
  const cri = config.plugins['io.containerd.grpc.v1.cri'];
  if (!cri) throw new Error('no CRI plugin');
  return cri;
}
