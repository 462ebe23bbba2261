import type { MachineManager } from '../managers/types.ts';
import { updateMachine } from '../apply/machine-update.ts';
import type { HostFacts } from '../facts/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { planCluster } from '../plan/cluster.ts';
import { keepOf } from '../plan/keep.ts';
import type { ClusterPlan } from '../plan/types.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { pruneKeyMaterial, writeCluster } from '../state/clusters.ts';
import { chooseKubernetes } from './phases/choose-kubernetes.ts';
import type { Session } from './session.ts';
import { setUpNetwork } from './steps.ts';

/** The plan of a cluster whose nodes have changed; what stays keeps its addresses, subnets and layers. */
export async function planChange(
  session: Session,
  facts: HostFacts,
  spec: ClusterSpec,
  previous: ClusterPlan,
): Promise<ClusterPlan> {
  const keep = keepOf(previous);
  const kubernetes = await chooseKubernetes(session, spec, facts, keep);
  return planCluster(spec, facts, kubernetes, session.paths, previous, keep);
}

export interface PlanMove {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
  spec: ClusterSpec;
  before: ClusterPlan;
  after: ClusterPlan;
  /** Files of the key material that are not what they were, under the same names. */
  renewed?: ReadonlySet<string>;
}

/**
 * Brings the host's network and the machines that are in both plans to the new one. It is on disk first: whatever
 * happens then, deleting goes by it.
 */
export async function moveToPlan(move: PlanMove): Promise<void> {
  const { session, manager, material, spec, before, after, renewed } = move;
  const { host, paths } = session;
  await writeCluster(host, paths, spec, after);
  await setUpNetwork(host, after);
  // one after the other: control planes are restarted in part, and should not all be away at once
  for (const machine of after.machines) {
    const old = before.machines.find(({ name }) => name === machine.name);
    if (old) await updateMachine(host, manager, old, machine, material, renewed);
  }
  await pruneKeyMaterial(host, paths, after);
}
