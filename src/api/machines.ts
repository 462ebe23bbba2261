import type { MachineManager } from '../apply/machine-manager.ts';
import { machineManager } from '../apply/managers.ts';
import { KnestError } from '../errors.ts';
import { gatherCgroups } from '../observe/facts/kernel.ts';
import type { MachinePlan } from '../plan/types.ts';
import { listClusterNames, readCluster } from '../state/clusters.ts';
import type { ClusterRecord } from '../state/clusters.ts';
import type { Session } from './session.ts';

/** The manager of this host's machines. */
export async function openManager({ host }: Session): Promise<MachineManager> {
  return machineManager(host, await gatherCgroups(host));
}

/** Every cluster that has a plan, by name. */
export async function readClusters({ host, paths }: Session): Promise<ClusterRecord[]> {
  const names = await listClusterNames(host, paths);
  const found = await Promise.all(names.map((name) => readCluster(host, paths, name)));
  return found.filter((record) => record !== undefined);
}

/** @throws KnestError kind "notFound" */
export async function requireMachine(
  session: Session,
  node: string,
): Promise<{ record: ClusterRecord; machine: MachinePlan }> {
  const records = await readClusters(session);
  for (const record of records) {
    const machine = record.plan.machines.find(({ name }) => name === node);
    if (machine) return { record, machine };
  }
  const names = records.flatMap(({ plan }) => plan.machines.map(({ name }) => name));
  throw new KnestError(`there is no node "${node}"`, {
    kind: 'notFound',
    hint: names.length > 0 ? `there is: ${names.join(', ')}` : 'knest create cluster makes one',
  });
}
