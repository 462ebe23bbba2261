/** Finishing a change of a cluster that was interrupted: the wanted plan and what has been carried out differ. */

import { runSequence, serial } from '../../apply/runner.ts';
import type { Sequence } from '../../apply/runner.ts';
import { diffPlans, isEmpty } from '../../diff/diff-plans.ts';
import type { ClusterChanges } from '../../diff/types.ts';
import type { MachineManager } from '../../managers/types.ts';
import { quorumOf } from '../../clients/etcd/quorum.ts';
import { issuePki } from '../../pki/issue.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { appliedPlan, renewedKeys } from '../../state/applied.ts';
import { readKeyMaterial, requireCluster, writeKeyMaterial } from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { bootSteps } from './boot-nodes.ts';
import { carryOut, settle } from './move-to-plan.ts';
import { removalSteps } from './remove-node.ts';
import type { Session } from '../session.ts';

/** A cluster whose lock is held. */
export interface OpenCluster {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
  record: ClusterRecord;
}

/** What an interrupted change has left to do; undefined: nothing. A cluster that is half made is for create to finish. */
export function unfinishedChange({
  record,
  material,
}: Pick<OpenCluster, 'record' | 'material'>): ClusterChanges | undefined {
  const before = appliedPlan(record.applied);
  if (record.created === undefined || !before) return undefined;
  const changes = diffPlans(before, record.plan, renewedKeys(record.applied, material));
  return isEmpty(changes) ? undefined : changes;
}

export interface FinishOptions {
  /** Machines that are deleted anyway: they are neither made nor waited for. */
  except?: readonly string[];
  /** Say what is being done; false the second time. */
  tell?: boolean;
}

/**
 * Finishes what an interrupted command has begun. First the host and the machines that stay; then, if enough control
 * planes run for the API to answer, nodes are added and deleted. Does nothing when nothing is left to do.
 * @returns the cluster as it is afterwards
 */
export async function finishChange(
  cluster: OpenCluster,
  { except = [], tell = true }: FinishOptions = {},
): Promise<OpenCluster> {
  const changes = unfinishedChange(cluster);
  if (!changes) return cluster;
  const { session, manager, record } = cluster;
  const { host, paths } = session;
  const { plan, applied } = record;
  if (tell)
    note(session, 'info', `going on with a change of the cluster that was interrupted: ${summary(changes)}`);
  const known = await readKeyMaterial(host, paths, plan.cluster);
  const material = await issuePki(plan.pki, known, new Date());
  await writeKeyMaterial(host, paths, plan.cluster, material, known);
  const others: Sequence = {
    id: 'others',
    title: 'Bring host and nodes to the plan',
    run: async () => {
      const move = { session, manager, material, applied, plan };
      await carryOut(move);
      await settle(move);
    },
  };
  await runSequence(others, session.listener, session.signal);
  const open = { ...cluster, material };
  const steps = machineSteps(open, changes, except);
  if (steps.length > 0) {
    if (await apiCanAnswer(open)) await runSequence(serial(...steps), session.listener, session.signal);
    else if (tell)
      note(
        session,
        'info',
        'nodes that come or go have to wait until more than half of the control planes run',
      );
  }
  return { ...open, record: await requireCluster(host, paths, plan.cluster) };
}

function note({ listener }: Session, level: 'info' | 'warning', message: string): void {
  listener({ type: 'note', level, message });
}

function summary({ machines, host, cluster }: ClusterChanges): string {
  const verbs = { added: 'comes', removed: 'goes', changed: 'changes' } as const;
  const said = machines.map(({ name, kind }) => `${name} ${verbs[kind]}`);
  return [...said, ...(host.length + cluster.length > 0 ? ['the network of the host changes'] : [])].join(
    ', ',
  );
}

/** Nodes are deleted before others are added: etcd takes a new member only when all its members are well. */
function machineSteps(open: OpenCluster, changes: ClusterChanges, except: readonly string[]): Sequence[] {
  const { session, manager, material, record } = open;
  const { plan, spec, applied } = record;
  const of = (kind: 'added' | 'removed'): string[] =>
    changes.machines.filter((one) => one.kind === kind && !except.includes(one.name)).map(({ name }) => name);
  const there = applied.machines.map(({ machine }) => machine);
  const stay = there.filter((one) => plan.machines.some(({ name }) => name === one.name));
  const removed = there.filter(({ name }) => of('removed').includes(name));
  const added = plan.machines.filter(({ name }) => of('added').includes(name));
  const common = { session, manager, material };
  return [
    ...removed.flatMap((machine) =>
      removalSteps({ ...common, machine, staying: controlPlanesOf(stay), plan, spec, force: false }),
    ),
    ...(added.length > 0
      ? [bootSteps({ ...common, cluster: plan.cluster, present: stay, machines: added })]
      : []),
  ];
}

/** Whether enough of the control planes that were there run. */
async function apiCanAnswer({ manager, record }: OpenCluster): Promise<boolean> {
  const controlPlanes = controlPlanesOf(wantedAndMade(record));
  const leaders = await Promise.all(controlPlanes.map((machine) => manager.leader(machine)));
  const running = leaders.filter((leader) => leader !== undefined);
  return running.length >= quorumOf(controlPlanes.length);
}

/** The machines of the plan that have been made: all of them, unless adding nodes was interrupted. */
export function wantedAndMade({
  plan,
  applied,
  created,
}: Pick<ClusterRecord, 'plan' | 'applied' | 'created'>): readonly MachinePlan[] {
  if (created === undefined) return plan.machines;
  const made = new Set(applied.machines.map(({ machine }) => machine.name));
  return plan.machines.filter(({ name }) => made.has(name));
}
