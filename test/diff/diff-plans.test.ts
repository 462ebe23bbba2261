import { describe, expect, it } from 'vitest';

import { diffPlans, isEmpty } from '../../src/diff/diff-plans.ts';
import type { ClusterChanges } from '../../src/diff/types.ts';
import type { ClusterPlan } from '../../src/plan/types.ts';
import { machineOf, networkSpec, nodeSpec, nodesOf, planOf } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';
import { lease } from '../fixtures/lease.ts';

const everything = {
  rootPassword: '$6$salt$hash',
  network: networkSpec({
    apiServer: { address: undefined, listenAddress: '127.0.0.1', port: 6443, certSANs: ['api.example.test'] },
  }),
  registry: { address: undefined, port: 5000 },
  proxy: { http: 'http://user:secret@proxy.test:3128', https: undefined, noProxy: [] },
  nodes: nodesOf('control-plane', 'worker').map((node) => ({
    ...node,
    resources: { cpus: 1, memory: 2 ** 31, tasks: 4096, ioWeight: 50 },
    extraMounts: [{ hostPath: '/srv', containerPath: '/srv', readOnly: true, propagation: 'None' as const }],
  })),
};

const plans: [string, ClusterPlan][] = [
  ['direct', planOf({ spec: { ...everything, manager: 'direct' } })],
  ['systemd', planOf({ spec: { ...everything, manager: 'systemd' }, facts: hostFacts({ pid1: 'systemd' }) })],
  [
    'a LAN with DHCP',
    planOf({
      spec: { network: networkSpec({ mode: { macvlan: 'eth0' }, dhcp: true }) },
      facts: hostFacts({ leases: { 'knest-control-plane': lease('192.0.2.10') } }),
    }),
  ],
];

type Path = readonly (string | number)[];

/** Every place in a value where there is something that is neither list nor object. */
function* leaves(value: unknown, path: Path = []): Generator<Path> {
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) yield* leaves(one, [...path, index]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, one] of Object.entries(value)) yield* leaves(one, [...path, key]);
  } else if (value !== undefined) yield path;
}

/** Puts another value at one place for as long as `look` looks. */
function withAnother<T>(plan: ClusterPlan, path: Path, look: () => T): T {
  let at: unknown = plan;
  for (const key of path.slice(0, -1)) at = (at as Record<string | number, unknown>)[key];
  const parent = at as Record<string | number, unknown>;
  const last = path.at(-1) ?? '';
  const before = parent[last];
  parent[last] = typeof before === 'number' ? before + 1 : `${String(before)}x`;
  try {
    return look();
  } finally {
    parent[last] = before;
  }
}

describe.each(plans)('every single thing in a plan (%s)', (_name, plan) => {
  const all = [...leaves(plan)];

  it(
    'makes a difference when it is another one, and of a machine is told of that machine',
    { timeout: 60_000 },
    () => {
      expect(all.length).toBeGreaterThan(500);
      const copy = JSON.parse(JSON.stringify(plan)) as ClusterPlan;
      const ignored = all.filter((path) =>
        withAnother(copy, path, () => {
          const changes = diffPlans(plan, copy);
          return path[0] === 'machines' ? changes.machines.length === 0 : isEmpty(changes);
        }),
      );
      expect(ignored.map((path) => path.join('.'))).toEqual([]);
    },
  );

  it('makes none when it is the same', () => {
    expect(isEmpty(diffPlans(plan, JSON.parse(JSON.stringify(plan)) as ClusterPlan))).toBe(true);
  });
});

const alone = planOf();
const withWorker = planOf({
  spec: { nodes: [nodeSpec(), nodeSpec({ name: 'knest-worker', role: 'worker' })] },
  previous: alone,
});

function summary({ machines }: ClusterChanges): string[] {
  return machines.flatMap(({ name, changes }) =>
    changes.map(({ what, cost }) => `${name}: ${what}, ${cost}`),
  );
}

describe('diffPlans', () => {
  it('from nothing is what create does, to nothing what delete does', () => {
    const create = diffPlans(undefined, withWorker);
    expect(create.cluster).toMatchObject([{ what: 'cluster added', cost: 'none' }]);
    expect(create.machines.map(({ name, kind }) => [name, kind])).toEqual([
      ['knest-control-plane', 'added'],
      ['knest-worker', 'added'],
    ]);
    expect(create.host.map(({ what }) => what)).toContain('network');
    const remove = diffPlans(withWorker, undefined);
    expect(remove.cluster).toMatchObject([{ what: 'cluster removed', cost: 'data lost' }]);
    expect(remove.machines.every(({ kind }) => kind === 'removed')).toBe(true);
    expect(isEmpty(diffPlans(undefined, undefined))).toBe(true);
  });

  it('of a new worker costs the others nothing', () => {
    const changes = diffPlans(alone, withWorker);
    expect(new Set(summary(changes))).toEqual(
      new Set([
        'knest-control-plane: file, none',
        'knest-control-plane: route, none',
        'knest-worker: machine added, none',
      ]),
    );
  });

  it('of a worker that goes costs its data', () => {
    expect(summary(diffPlans(withWorker, planOf({ previous: withWorker })))).toContain(
      'knest-worker: machine removed, data lost',
    );
  });

  it.each([
    [
      'a bind',
      {
        extraMounts: [
          { hostPath: '/srv', containerPath: '/srv', readOnly: false, propagation: 'None' as const },
        ],
      },
      'bind',
    ],
    [
      'a limit',
      { resources: { cpus: 2, memory: undefined, tasks: undefined, ioWeight: undefined } },
      'resources',
    ],
  ])('of %s takes a reboot, with either manager', (_what, node, what) => {
    for (const manager of ['direct', 'systemd'] as const) {
      const facts = hostFacts({ pid1: manager === 'systemd' ? 'systemd' : 'init' });
      const [before, after] = [{}, node].map((more) =>
        planOf({ spec: { manager, nodes: [nodeSpec(more)] }, facts }),
      ) as [ClusterPlan, ClusterPlan];
      const [machine] = diffPlans(before, after).machines;
      expect(machine?.work.reboot).toBe(true);
      expect(machine?.changes).toContainEqual(expect.objectContaining({ what, cost: 'machine rebooted' }));
    }
  });

  it('of a port of the host takes no reboot: what is done once the machine has started is done again', () => {
    const ports = {
      extraPortMappings: [
        { containerPort: 80, hostPort: 8080, listenAddress: undefined, protocol: 'TCP' as const },
      ],
    };
    for (const manager of ['direct', 'systemd'] as const) {
      const facts = hostFacts({ pid1: manager === 'systemd' ? 'systemd' : 'init' });
      const [before, after] = [
        nodeSpec({ name: 'knest-worker', role: 'worker' }),
        nodeSpec({ name: 'knest-worker', role: 'worker', ...ports }),
      ].map((worker) => planOf({ spec: { manager, nodes: [nodeSpec(), worker] }, facts })) as [
        ClusterPlan,
        ClusterPlan,
      ];
      const [machine] = diffPlans(before, after).machines;
      expect(machine?.work).toMatchObject({ reboot: false, restart: [] });
      expect(machine?.changes.map(({ what }) => what)).toEqual(['port', 'manager run']);
    }
  });

  it('of layers takes a reboot', () => {
    const other: ClusterPlan = {
      ...alone,
      machines: alone.machines.map((machine) => ({
        ...machine,
        layers: ['kubernetes-other', ...machine.layers.slice(1)],
      })),
    };
    const [machine] = diffPlans(alone, other).machines;
    expect(machine?.work.reboot).toBe(true);
    expect(machine?.changes.map(({ says }) => says)).toEqual([
      `layer ${machineOf(alone).layers[0] ?? ''} goes`,
      'layer kubernetes-other comes',
    ]);
  });

  it('of a certificate restarts what reads it, the kubelet for its serving pair', () => {
    const pki = {
      ...alone.pki,
      certificates: alone.pki.certificates.map((one) =>
        one.name.startsWith('kubelet-serving') ? { ...one, ipAddresses: ['192.0.2.7'] } : one,
      ),
    };
    const { machines, cluster } = diffPlans(alone, { ...alone, pki });
    expect(cluster.map(({ what, says }) => [what, says])).toEqual([
      ['certificate', 'certificate kubelet-serving-knest-control-plane is issued anew'],
    ]);
    expect(machines[0]?.work.restart).toEqual(['kubelet.service']);
    expect(machines[0]?.changes).toContainEqual(
      expect.objectContaining({ what: 'certificate', cost: 'unit restarted', units: ['kubelet.service'] }),
    );
  });

  it('goes by the keys that machines have, where they are told', () => {
    const keys = new Map([['knest-control-plane', new Set(['scheduler.crt', 'scheduler.key'])]]);
    const { machines } = diffPlans(alone, alone, keys);
    // it reads them again by itself
    expect(machines[0]?.work.restart).toEqual([]);
    expect(machines[0]?.work.write.map(({ path }) => path)).toEqual([
      '/etc/kubernetes/pki/scheduler.crt',
      '/etc/kubernetes/pki/scheduler.key',
    ]);
  });
});
