import { describe, expect, it } from 'vitest';

import { thisWorkstation } from '../../src/workstation/workstation.ts';
import { runSequence } from '../../src/apply/runner.ts';
import type { Host } from '../../src/host/types.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { machineManager, managerFactories } from '../../src/managers/open.ts';
import type { MachineManager } from '../../src/managers/types.ts';
import { moveToPlan } from '../../src/operations/nodes/move-to-plan.ts';
import type { Session } from '../../src/operations/session.ts';
import { bootMachine, networkStep } from '../../src/operations/steps.ts';
import { tearDown } from '../../src/operations/delete/tear-down.ts';
import { issuePki } from '../../src/pki/issue.ts';
import { planCluster } from '../../src/plan/cluster.ts';
import { managerPlanners } from '../../src/plan/managers/planners.ts';
import type { ManagerPlanner } from '../../src/plan/managers/types.ts';
import type { ClusterPlan, HostRun, MachinePlan, MachineRun, ManagerName } from '../../src/plan/types.ts';
import { clusterSpec, fromDebian, machineOf } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';
import { allApplied } from '../../src/state/applied.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

/** What the folder plan/managers/paper would have. Types, records and the output of plans do not know it: docs/development.md. */
const paper = 'paper' as ManagerName;
const paperPlanner: ManagerPlanner = {
  refusal: ({ pid1 }) =>
    pid1 === 'paper' ? undefined : { message: 'this host is not of paper', hint: 'fold one' },
  lastingSysctls: true,
  machineRoot: (name) => `/paper/${name}`,
  planMachine: ({ name, link }) =>
    ({ manager: paper, sheet: `/sheets/${name}`, link }) as unknown as MachineRun,
  planHost: ({ cluster, bridge }) =>
    ({ manager: paper, binder: `/binders/${cluster}`, bridge }) as unknown as HostRun,
};
const planners = { paper: paperPlanner, ...managerPlanners };

/** What the folder managers/paper would have. */
function paperManager(host: Host): MachineManager {
  const sheetOf = ({ run }: MachinePlan): string => (run as unknown as { sheet: string }).sheet;
  const binderOf = (plan: ClusterPlan): string => (plan.host.run as unknown as { binder: string }).binder;
  const note = (path: string, text: string): Promise<void> => host.writeFile(path, text, 0o644);
  return fakeManager(
    {},
    {
      leader: async (machine) => ((await host.readFile(sheetOf(machine))) === 'running' ? 7 : undefined),
      writeFiles: (machine) => note(`${sheetOf(machine)}.rules`, machine.root),
      start: (machine) => note(sheetOf(machine), 'running'),
      destroy: async (machine) => {
        await host.remove(sheetOf(machine));
        await host.remove(`${sheetOf(machine)}.rules`);
        await host.remove(machine.folder);
        await host.remove(machine.root);
      },
      setUpHost: (plan, folder) => note(binderOf(plan), folder),
      updateHost: (plan) => note(binderOf(plan), 'updated'),
      tearDownHost: (plan) => host.remove(binderOf(plan)),
    },
  );
}

const paths = { state: '/state', cache: '/cache' };
const spec = clusterSpec();

function planOnPaper(): ClusterPlan {
  const kubernetes = { cluster: fromDebian, nodes: {} };
  const plan = planCluster(spec, hostFacts({ pid1: 'paper' }), kubernetes, paths, undefined, {}, planners);
  // the agent is there only when knest was built
  const withoutAgent = ({ files }: MachinePlan) => files.filter(({ content }) => !('asset' in content));
  return {
    ...plan,
    machines: plan.machines.map((machine) => ({ ...machine, files: withoutAgent(machine) })),
  };
}

function session(host: Host): Session {
  return {
    host,
    paths,
    workstation: thisWorkstation(),
    listener: () => undefined,
    signal: new AbortController().signal,
  };
}

describe('a manager of which nothing but the two registries has been told', () => {
  it('is chosen where it can run machines, and plans what is its own', () => {
    const plan = planOnPaper();
    expect(plan.manager).toBe('paper');
    expect(machineOf(plan)).toMatchObject({
      root: '/paper/knest-control-plane',
      run: { manager: 'paper', sheet: '/sheets/knest-control-plane', link: { bridge: 'kn-knest' } },
    });
    expect(plan.host.run).toEqual({ manager: 'paper', binder: '/binders/knest', bridge: 'kn-knest' });
    // settings that the host keeps include what new network namespaces take from it
    expect(plan.host.sysctls.map(({ key }) => key)).toContain('net.ipv4.conf.all.route_localnet');
  });

  it('goes on with the cluster that it has, also when nodes come and go', () => {
    const before = planOnPaper();
    const facts = hostFacts({ pid1: 'systemd' });
    const kubernetes = { cluster: fromDebian, nodes: {} };
    expect(planCluster(spec, facts, kubernetes, paths, before, {}, planners).manager).toBe('paper');
    expect(() => planCluster(spec, facts, kubernetes, paths, before)).toThrow('no manager "paper"');
  });

  it('sets a host up, boots a machine, follows a new plan, and takes all of it away', async () => {
    const host = memoryHost();
    const here = session(host);
    const plan = planOnPaper();
    const machine = machineOf(plan);
    const factories = { ...managerFactories, paper: paperManager };
    const manager = machineManager(host, { version: 'v2', hierarchies: [] }, factories);
    const material = await issuePki(plan.pki, new Map(), new Date());
    const read = (path: string): string | undefined => host.files.get(path)?.content;

    await runSequence(networkStep(here, manager, plan), here.listener, here.signal);
    expect(read('/binders/knest')).toBe('/state/clusters/knest');

    await bootMachine(here, manager, machine, material, here.signal);
    expect(read('/sheets/knest-control-plane.rules')).toBe('/paper/knest-control-plane');
    expect(await manager.leader(machine)).toBe(7);

    await host.remove('/sheets/knest-control-plane.rules');
    const run = { ...machine.run, colour: 'red' } as unknown as MachineRun;
    const repainted = { ...plan, machines: [{ ...machine, run }] };
    const applied = allApplied(plan, material);
    await moveToPlan({ session: here, manager, material, applied, plan: repainted }, spec);
    expect(read('/binders/knest')).toBe('updated');
    expect(read('/sheets/knest-control-plane.rules')).toBe('/paper/knest-control-plane');

    await tearDown(here, plan, manager);
    // folders for binds of things that this host lacks (/dev/fuse) stay: they are the user's
    // the cache knows the state folder until the command has ended, whose last act is to look for clusters in it
    const left = [...host.files.keys()].filter(
      (path) => !path.endsWith('/') && !path.startsWith(`${paths.cache}/state-folders/`),
    );
    expect(left).toEqual([]);
  });
});
