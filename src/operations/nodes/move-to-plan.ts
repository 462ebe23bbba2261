import { updateMachine } from '../../apply/machine-update.ts';
import { diffHost } from '../../diff/diff-host.ts';
import { diffMachine } from '../../diff/diff-machine.ts';
import type { RenewedKeys } from '../../diff/types.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { MachineManager } from '../../managers/types.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { planCluster } from '../../plan/cluster.ts';
import { keepOf } from '../../plan/keep.ts';
import { runFiles } from '../../plan/managers/run-files.ts';
import { adminCertificate } from '../../plan/pki.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import {
  appliedPlan,
  beginAppliedMachine,
  renewedKeys,
  writeAppliedCluster,
  writeAppliedMachine,
} from '../../state/applied.ts';
import type { Applied } from '../../state/applied.ts';
import { clusterFolder, pruneKeyMaterial, writeCluster } from '../../state/clusters.ts';
import { changeKubeconfigs } from '../admin-kubeconfig.ts';
import { choose } from '../phases/acquire.ts';
import type { Session } from '../session.ts';
import { networkStep } from '../steps.ts';

/** The plan of a cluster whose nodes have changed; what stays keeps its addresses, subnets and layers. */
export async function planChange(
  session: Session,
  facts: HostFacts,
  spec: ClusterSpec,
  previous: ClusterPlan,
): Promise<ClusterPlan> {
  const keep = keepOf(previous);
  const kubernetes = await choose(session, spec, facts, keep);
  return planCluster(spec, facts, kubernetes, session.paths, previous, keep);
}

export interface PlanMove {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
  /** What has been carried out so far. */
  applied: Applied;
  /** What is wanted. */
  plan: ClusterPlan;
}

/**
 * Brings the host and the machines that stay to another plan. Machines that are only in the old or only in the new plan
 * are not touched: callers make and delete these. The plan is written to disk first, and each part is recorded once it is
 * carried out. So if knest is killed, the next command finds what is left to do.
 */
export async function moveToPlan(move: PlanMove, spec: ClusterSpec): Promise<void> {
  const { host, paths } = move.session;
  await writeCluster(host, paths, spec, move.plan);
  await carryOut(move);
  await settle(move);
}

/** Brings the host and the machines that stay to the plan. Calling it again is harmless. */
export async function carryOut(move: PlanMove): Promise<void> {
  await updateHost(move);
  // one after the other: components of control planes may restart, and must not all be down at once
  for (const machine of move.plan.machines) await updateApplied(move, machine);
}

/**
 * Brings what the host lends to the cluster to the plan. Calling it again is harmless.
 * @param options again: all of it, kernel settings as well, although the plan has the same
 */
export async function updateHost(
  { session, manager, applied, plan }: PlanMove,
  { again = false }: { again?: boolean } = {},
): Promise<void> {
  const before = appliedPlan(applied);
  const changes = diffHost(before, plan);
  if (again || (before && changes.some(({ what }) => what === 'kernel setting'))) {
    await networkStep(session, manager, plan).run({ progress: () => undefined, signal: session.signal });
  } else await manager.updateHost(plan);
  await Promise.all(hostFilesThatGo(before, plan).map((path) => session.host.remove(path)));
}

/**
 * Brings a machine that is there to the plan, and records it. Before its first file is written it is recorded that it is
 * on its way, so that whoever goes on knows that it may have parts of either plan. Again is harmless.
 * @param well whether its node need not be looked after any more; if an earlier change of it was interrupted, it must be
 */
export async function updateApplied(
  { session: { host, paths }, manager, material, applied, plan }: PlanMove,
  machine: MachinePlan,
  { well = true }: { well?: boolean } = {},
): Promise<void> {
  const old = applied.machines.find((one) => one.machine.name === machine.name);
  if (!old) return;
  const folder = clusterFolder(paths, plan.cluster);
  const renewed = renewedKeys({ ...applied, machines: [old] }, material).get(machine.name);
  const isOther = diffMachine(old.machine, machine, renewed) !== undefined || old.underway !== undefined;
  if (isOther) await beginAppliedMachine(host, folder, old, machine);
  await updateMachine(host, manager, old.machine, machine, material, renewed, old.underway);
  if (isOther || old.keys === undefined) {
    await writeAppliedMachine(host, folder, machine, material, { well: well && old.underway === undefined });
  }
}

function hostFilesThatGo(before: ClusterPlan | undefined, after: ClusterPlan): string[] {
  const stay = new Set(runFiles(after.host.run).map(({ path }) => path));
  return (before ? runFiles(before.host.run) : []).map(({ path }) => path).filter((path) => !stay.has(path));
}

/** The last part of a move: writes kubeconfigs if they change, and records that the plan has been carried out. */
export async function settle({ session, material, applied, plan }: PlanMove): Promise<void> {
  const { host, paths } = session;
  if (kubeconfigsChange(appliedPlan(applied), plan, renewedKeys(applied, material))) {
    await changeKubeconfigs(session, plan, material);
  }
  await writeAppliedCluster(host, clusterFolder(paths, plan.cluster), plan);
  await pruneKeyMaterial(host, paths, plan);
}

function kubeconfigsChange(before: ClusterPlan | undefined, after: ClusterPlan, keys: RenewedKeys): boolean {
  if (!before) return false;
  if (before.server !== after.server || before.context !== after.context) return true;
  return [...keys.values()].some((files) => files.has('ca.crt') || files.has(`${adminCertificate}.crt`));
}
