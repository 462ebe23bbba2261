import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { runOf } from '../../src/plan/managers/run-of.ts';
import type { ClusterPlan, MachinePlan } from '../../src/plan/types.ts';
import { freeNodeNames, machineNames } from '../../src/spec/node-names.ts';
import {
  flagsOf,
  fromRelease,
  machineOf,
  networkSpec,
  nodesOf,
  planOf,
  sandboxFacts,
  textOf,
} from '../fixtures/cluster.ts';
import type { PlanInput } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

const threeNodes = { nodes: nodesOf('control-plane', 'worker', 'worker') };
const ha = { nodes: nodesOf('control-plane', 'control-plane', 'control-plane', 'worker') };
const dual = networkSpec({ ipFamily: 'dual' });

/** What holds for every plan is checked with these. */
const plans: [string, PlanInput][] = [
  ['one node', {}],
  ['one node in a sandbox', { facts: sandboxFacts() }],
  ['three nodes of Kubernetes 1.36', { spec: threeNodes, kubernetes: fromRelease('v1.36.2') }],
  ['three control planes', { spec: ha }],
  ['three control planes in a sandbox', { spec: ha, facts: sandboxFacts() }],
  ['dual stack', { spec: { ...ha, network: dual } }],
  ['IPv6', { spec: { ...threeNodes, network: networkSpec({ ipFamily: 'ipv6' }) } }],
  ['a worker added', { spec: threeNodes, previous: planOf() }],
  ['another name', { spec: { name: 'a-rather-long-cluster-name', ...threeNodes } }],
];

describe.each(plans)('the plan of %s', (_name, input) => {
  const plan = planOf(input);

  it('is the same each time', () => {
    expect(JSON.stringify(planOf(input))).toBe(JSON.stringify(plan));
  });

  it('survives JSON', () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('holds no secret', () => {
    expect(JSON.stringify(plan)).not.toMatch(/PRIVATE KEY|BEGIN CERTIFICATE|client-key-data/);
  });

  it('issues every key and certificate that a machine’s files name', () => {
    const issued = new Set([
      ...[...plan.pki.authorities, ...plan.pki.certificates].flatMap(({ name }) => [
        `${name}.crt`,
        `${name}.key`,
      ]),
      ...plan.pki.keyPairs.flatMap((name) => [`${name}.pub`, `${name}.key`]),
    ]);
    const named = plan.machines.flatMap(({ files }) =>
      files.flatMap(({ content }) => ('pki' in content ? [content.pki] : [])),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !issued.has(name))).toEqual([]);
  });

  it('has an authority for every certificate, and each name once', () => {
    const authorities = plan.pki.authorities.map(({ name }) => name);
    for (const { authority } of plan.pki.certificates) expect(authorities).toContain(authority);
    const names = [...authorities, ...plan.pki.certificates.map(({ name }) => name), ...plan.pki.keyPairs];
    expect(new Set(names).size).toBe(names.length);
  });

  it('gives every machine all files that its units and kubeconfigs name', () => {
    for (const machine of plan.machines) {
      const present = new Set(machine.files.map(({ path }) => path));
      const named = [...textsOf(machine)].flatMap(
        (text) => text.match(/\/etc\/kubernetes\/[\w./-]+\w/g) ?? [],
      );
      // *.env is optional: "-" before it; manifests is a folder, made with the machine
      const isThere = (path: string): boolean =>
        [...present].some((one) => one === path || one.startsWith(`${path}/`)) ||
        path === '/etc/kubernetes/manifests';
      const missing = named.filter((path) => !path.endsWith('.env') && !isThere(path));
      expect(missing, machine.name).toEqual([]);
    }
  });

  it('keeps private keys and kubeconfigs to root', () => {
    for (const { path, mode } of plan.machines.flatMap(({ files }) => files)) {
      if (/\.(key|conf)$/.test(path) && path.startsWith('/etc/kubernetes/')) expect(mode, path).toBe(0o600);
    }
  });

  it('writes no path of a machine twice', () => {
    for (const { files, units } of plan.machines) {
      const all = [
        ...files.map(({ path }) => path),
        ...units.map(({ name }) => `/etc/systemd/system/${name}`),
      ];
      expect(new Set(all).size).toBe(all.length);
    }
  });

  it('probes units that exist and start with the machine', () => {
    for (const { probes, units } of plan.machines) {
      for (const { unit } of probes) expect(units.map(({ name }) => name)).toContain(unit);
      const timed = (name: string) => units.some((one) => one.name === name.replace(/\.service$/, '.timer'));
      for (const { name, wantedBy } of units) expect(wantedBy !== undefined || timed(name), name).toBe(true);
    }
  });

  it('keeps each machine in a folder of its own, on this plan’s layers', () => {
    const folders = plan.machines.map(({ folder }) => folder);
    expect(new Set(folders).size).toBe(folders.length);
    for (const machine of plan.machines) {
      const { folder, root, upper, work, layers } = machine;
      const launch = runOf(machine, 'direct');
      for (const path of [root, upper, work, launch.path, launch.pidFile, launch.logFile]) {
        expect(path.startsWith(`${folder}/`)).toBe(true);
      }
      expect(layers.filter((id) => !plan.layers.some((layer) => layer.id === id))).toEqual([]);
    }
  });
});

describe('planCluster', () => {
  it('gives machines addresses behind the bridge and pod subnets of their own', () => {
    const { machines } = planOf({ spec: threeNodes });
    expect(machines.map(({ address }) => address)).toEqual(['10.89.0.2', '10.89.0.3', '10.89.0.4']);
    for (const { addresses } of machines) {
      expect(addresses).toEqual([expect.objectContaining({ prefixLength: 24, gateway: '10.89.0.1' })]);
    }
    expect(machines.map(({ podSubnets }) => podSubnets)).toEqual([
      ['10.244.0.0/24'],
      ['10.244.1.0/24'],
      ['10.244.2.0/24'],
    ]);
  });

  it('routes every pod subnet to its machine, and services to whoever has the API’s address', () => {
    const { host } = planOf({ spec: threeNodes });
    const input = host.setup.map((command) => command.input ?? '').join('');
    for (const [subnet, via] of [
      ['10.244.0.0/24', '10.89.0.2'],
      ['10.244.1.0/24', '10.89.0.3'],
      ['10.244.2.0/24', '10.89.0.4'],
      ['10.96.0.0/16', '10.89.0.254'],
    ]) {
      expect(input).toMatch(new RegExp(`route (add|replace) ${subnet} via ${via}`));
    }
  });

  it('runs the control plane on control planes only', () => {
    const { machines } = planOf({ spec: threeNodes });
    const units = machines.map((machine) => machine.units.map(({ name }) => name.replace('.service', '')));
    const controlPlane = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    const node = ['containerd', 'kubelet', 'kube-proxy'];
    expect(units[0]).toEqual(expect.arrayContaining([...controlPlane, ...node]));
    expect(units[1]).toEqual(expect.arrayContaining(node));
    expect(units[1]?.filter((name) => controlPlane.includes(name))).toEqual([]);
    const worker = machineOf(planOf({ spec: threeNodes }), 1);
    const keys = worker.files.flatMap(({ content }) => ('pki' in content ? [content.pki] : []));
    expect(keys.filter((name) => /^(ca\.key|sa\.key|admin|etcd)/.test(name))).toEqual([]);
    expect(worker.binds.map(({ target }) => target)).not.toContain('/var/lib/etcd');
  });

  it.each([
    ['v1.20.2', ['control-plane', 'master']],
    ['v1.23.17', ['control-plane', 'master']],
    ['v1.24.0', ['control-plane']],
  ])('labels control planes of %s as kubeadm does', (version, roles) => {
    const { machines } = planOf({ spec: threeNodes, kubernetes: fromRelease(version) });
    const labels = machines.map(({ nodePatch }) => Object.keys(nodePatch.metadata.labels));
    expect(labels).toEqual([roles.map((role) => `node-role.kubernetes.io/${role}`), [], []]);
  });

  it('gives other machine ids to other clusters and hosts', () => {
    const ids = [
      planOf(),
      planOf({ spec: { name: 'other' } }),
      planOf({ facts: hostFacts({ machineId: undefined }) }),
    ].map((plan) => contentOf(plan, '/etc/machine-id'));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}\n$/);
    expect(new Set(ids).size).toBe(3);
  });

  it('gives machines the host’s usable name servers', () => {
    const facts = hostFacts({ nameservers: ['192.0.2.1', '192.0.2.2'], searchDomains: ['a.test', 'b.test'] });
    expect(contentOf(planOf({ facts }), '/etc/resolv.conf')).toBe(
      'search a.test b.test\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n',
    );
  });
});

describe('several control planes', () => {
  const plan = planOf({ spec: ha });

  it('are one etcd cluster, whose members find each other by address', () => {
    const members = plan.machines
      .slice(0, 3)
      .map((machine) => textOf(machine, '/etc/kubernetes/etcd-initial.env'));
    expect(new Set(members).size).toBe(1);
    expect(members[0]).toBe(
      'ETCD_INITIAL_CLUSTER=knest-control-plane=https://10.89.0.2:2380,' +
        'knest-control-plane2=https://10.89.0.3:2380,knest-control-plane3=https://10.89.0.4:2380\n' +
        'ETCD_INITIAL_CLUSTER_STATE=new\n',
    );
  });

  it('elect leaders, and a lone one does not', () => {
    for (const unit of ['kube-controller-manager.service', 'kube-scheduler.service']) {
      expect(flagsOf(machineOf(plan), unit)['leader-elect']).toBe('true');
      expect(flagsOf(machineOf(planOf()), unit)['leader-elect']).toBe('false');
    }
  });

  it('hand the API’s address over, and a lone one keeps it', () => {
    const names = plan.machines.map(({ units }) => units.map(({ name }) => name));
    expect(names.map((units) => units.includes('knest-api-address.service'))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(textOf(machineOf(plan), '/etc/systemd/network/10-host0.network')).not.toContain('10.89.0.254');
    expect(textOf(machineOf(planOf()), '/etc/systemd/network/10-host0.network')).toContain(
      'Address=10.89.0.254/32',
    );
    expect(plan.endpoint).toBe('https://10.89.0.254:6443');
    const serving = plan.pki.certificates.filter(({ name }) => name.startsWith('apiserver-knest'));
    expect(serving).toHaveLength(3);
    for (const { ipAddresses } of serving) expect(ipAddresses).toContain('10.89.0.254');
  });

  it('are tainted where there are workers, by the names of their version', () => {
    const control = 'node-role.kubernetes.io/control-plane';
    const master = 'node-role.kubernetes.io/master';
    const machine = (version: string) => machineOf(planOf({ spec: ha, kubernetes: fromRelease(version) }));
    const flag = (version: string) => flagsOf(machine(version), 'kubelet.service')['register-with-taints'];
    const setting = (version: string): unknown =>
      (parse(textOf(machine(version), '/etc/kubernetes/kubelet.yaml')) as Record<string, unknown>)[
        'registerWithTaints'
      ];
    expect(flag('v1.20.2')).toBe(`${master}=:NoSchedule`);
    expect(setting('v1.20.2')).toBeUndefined();
    // a field of the config file since 1.23
    expect(flag('v1.24.0')).toBeUndefined();
    expect(setting('v1.24.0')).toEqual([control, master].map((key) => ({ key, effect: 'NoSchedule' })));
    expect(setting('v1.36.0')).toEqual([{ key: control, effect: 'NoSchedule' }]);
    expect(flagsOf(machineOf(plan, 3), 'kubelet.service')).not.toHaveProperty('register-with-taints');
    expect(textOf(machineOf(plan, 3), '/etc/kubernetes/kubelet.yaml')).not.toContain('registerWithTaints');
  });

  it('have priorities of their own, so that two never take the address at once', () => {
    const priorities = plan.machines
      .slice(0, 3)
      .map((machine) => /priority (\d+)/.exec(textOf(machine, '/etc/keepalived/keepalived.conf'))?.[1]);
    expect(new Set(priorities).size).toBe(3);
  });
});

describe('two families', () => {
  const plan = planOf({ spec: { ...threeNodes, network: dual } });

  it('give nodes, pods and services addresses of both', () => {
    for (const { addresses, podSubnets, nodePatch } of plan.machines) {
      expect(addresses.map(({ address }) => address.includes(':'))).toEqual([false, true]);
      expect(podSubnets.map((subnet) => subnet.includes(':'))).toEqual([false, true]);
      expect(nodePatch.spec.podCIDRs).toEqual(podSubnets);
    }
    const flags = flagsOf(machineOf(plan), 'kube-apiserver.service');
    expect(flags['service-cluster-ip-range']).toBe(plan.network.serviceSubnets.join(','));
    expect(flags['feature-gates']).toBe('IPv6DualStack=true');
    expect(flagsOf(machineOf(plan), 'kubelet.service')['node-ip']).toMatch(/^10\.89\.0\.2,fd/);
  });

  it('need no gate from 1.21 on', () => {
    const later = planOf({ spec: { ...threeNodes, network: dual }, kubernetes: fromRelease('v1.21.0') });
    expect(flagsOf(machineOf(later), 'kube-apiserver.service')).not.toHaveProperty('feature-gates');
  });

  it('route pods of other nodes in both', () => {
    const file = textOf(machineOf(plan), '/etc/systemd/network/10-host0.network');
    for (const { podSubnets, addresses } of plan.machines.slice(1)) {
      podSubnets.forEach((subnet, family) => {
        expect(file).toContain(`Destination=${subnet}\nGateway=${addresses[family]?.address}\n`);
      });
    }
  });
});

describe('IPv6 alone', () => {
  const plan = planOf({ spec: { ...threeNodes, network: networkSpec({ ipFamily: 'ipv6' }) } });

  it('writes addresses into URLs as they must be', () => {
    expect(plan.endpoint).toMatch(/^https:\/\/\[fd[0-9a-f:]+\]:6443$/);
    expect(textOf(machineOf(plan), '/etc/kubernetes/etcd-initial.env')).toMatch(
      /=https:\/\/\[fd[0-9a-f:]+\]:2380\n/,
    );
  });
});

describe('machineNames', () => {
  it('counts like kind', () => {
    const named = nodesOf('control-plane', 'worker', 'control-plane', 'worker', 'worker');
    const nodes = named.map(({ role }) => ({ role }));
    expect(machineNames('c', nodes)).toEqual([
      'c-control-plane',
      'c-worker',
      'c-control-plane2',
      'c-worker2',
      'c-worker3',
    ]);
  });

  it('gives later ones the first that are free', () => {
    expect(freeNodeNames('c', 'worker', 2, ['c-worker', 'c-worker3'])).toEqual(['c-worker2', 'c-worker4']);
  });
});

function* textsOf(machine: MachinePlan): Generator<string> {
  for (const { text } of machine.units) yield text;
  for (const { content } of machine.files) if ('text' in content) yield content.text;
  yield machine.probes.flatMap(({ argv }) => argv).join(' ');
}

function contentOf(plan: ClusterPlan, path: string): string | undefined {
  const content = machineOf(plan).files.find((file) => file.path === path)?.content;
  return content && 'text' in content ? content.text : undefined;
}
