/** Finishing a change of a cluster that was interrupted: the wanted plan and what has been carried out differ. */

import type { ClusterChanges } from '../../diff/types.ts';
import { issuePki } from '../../pki/issue.ts';
import { readKeyMaterial, writeKeyMaterial } from '../../state/clusters.ts';
import { rollOut } from '../change/carry-out.ts';
import { unfinishedChange } from '../change/open-cluster.ts';
import type { OpenCluster } from '../change/open-cluster.ts';
import type { CarryOutOptions } from '../change/types.ts';
import { renewDueCertificates } from '../certificates/renew-due.ts';
import { finishRestore } from '../rollback/restore-data.ts';

export interface FinishOptions extends CarryOutOptions {
  /** Say what is being done; false the second time. */
  tell?: boolean;
}

/**
 * Finishes what an interrupted command has begun, in the order in which it was begun. Where too few control planes run for
 * the API to answer, nodes that come or go have to wait. Does nothing when nothing is left to do.
 * @returns the cluster as it is afterwards
 */
export async function finishChange(
  found: OpenCluster,
  { tell = true, ...options }: FinishOptions = {},
): Promise<OpenCluster> {
  const restored = await finishRestore(found, options);
  // what was interrupted is finished with certificates that are renewed where they must be
  const cluster = unfinishedChange(restored) ? restored : await renewDueCertificates(restored);
  const changes = unfinishedChange(cluster);
  if (!changes) return cluster;
  const { session, record } = cluster;
  const { host, paths, listener } = session;
  const { plan } = record;
  const message = `going on with a change of the cluster that was interrupted: ${summary(changes)}`;
  if (tell) listener({ type: 'note', level: 'info', message });
  const known = await readKeyMaterial(host, paths, plan.cluster);
  const material = await issuePki(plan.pki, known, new Date());
  await writeKeyMaterial(host, paths, plan.cluster, material, known);
  return rollOut({ ...cluster, material }, options);
}

function summary({ machines, host, cluster }: ClusterChanges): string {
  const verbs = { added: 'comes', removed: 'goes', changed: 'changes' } as const;
  const said = machines.map(({ name, kind }) => `${name} ${verbs[kind]}`);
  return [...said, ...(host.length + cluster.length > 0 ? ['the network of the host changes'] : [])].join(
    ', ',
  );
}
