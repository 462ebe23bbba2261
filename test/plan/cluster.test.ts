import { describe, expect, it } from 'vitest';

import { machineNames } from '../../src/plan/cluster.ts';
import { launchOf } from '../../src/plan/nspawn/launch.ts';
import type { ClusterPlan, MachinePlan } from '../../src/plan/types.ts';
import { fromRelease, machineOf, nodesOf, planOf, sandboxFacts } from '../fixtures/cluster.ts';
import type { PlanInput } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

const threeNodes = { nodes: nodesOf('control-plane', 'worker', 'worker') };

/** What holds for every plan is checked with these. */
const plans: [string, PlanInput][] = [
  ['one node', {}],
  ['one node in a sandbox', { facts: sandboxFacts() }],
  ['three nodes of Kubernetes 1.36', { spec: threeNodes, kubernetes: fromRelease('v1.36.2') }],
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
      // *.env is optional: "-" before it
      const missing = named.filter((path) => !present.has(path) && !path.endsWith('.env'));
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
      for (const { wantedBy } of units) expect(wantedBy).toBeDefined();
    }
  });

  it('keeps each machine in a folder of its own, on this plan’s layers', () => {
    const folders = plan.machines.map(({ folder }) => folder);
    expect(new Set(folders).size).toBe(folders.length);
    for (const machine of plan.machines) {
      const { folder, root, upper, work, layers } = machine;
      const launch = launchOf(machine);
      for (const path of [root, upper, work, launch.path, launch.pidFile, launch.logFile]) {
        expect(path.startsWith(`${folder}/`)).toBe(true);
      }
      expect(layers).toEqual(plan.layers.map(({ id }) => id));
    }
  });
});

describe('planCluster', () => {
  it('gives machines addresses behind the bridge and pod subnets of their own', () => {
    const { machines } = planOf({ spec: threeNodes });
    expect(machines.map(({ address }) => address)).toEqual(['10.89.0.2', '10.89.0.3', '10.89.0.4']);
    expect(machines.map(({ gateway }) => gateway)).toEqual(['10.89.0.1', '10.89.0.1', '10.89.0.1']);
    expect(machines.map(({ podSubnet }) => podSubnet)).toEqual([
      '10.244.0.0/24',
      '10.244.1.0/24',
      '10.244.2.0/24',
    ]);
  });

  it('routes every pod subnet to its machine, and services to a control plane', () => {
    const { host } = planOf({ spec: threeNodes });
    const input = host.setup.map((command) => command.input ?? '').join('');
    for (const [subnet, via] of [
      ['10.244.0.0/24', '10.89.0.2'],
      ['10.244.1.0/24', '10.89.0.3'],
      ['10.244.2.0/24', '10.89.0.4'],
      ['10.96.0.0/16', '10.89.0.2'],
    ]) {
      expect(input).toMatch(`route replace ${subnet} via ${via}`);
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

describe('machineNames', () => {
  it('counts like kind', () => {
    const nodes = nodesOf('control-plane', 'worker', 'control-plane', 'worker', 'worker');
    expect(machineNames('c', nodes)).toEqual([
      'c-control-plane',
      'c-worker',
      'c-control-plane2',
      'c-worker2',
      'c-worker3',
    ]);
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
