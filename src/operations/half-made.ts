import { KnestError } from '../errors.ts';
import type { ClusterRecord } from '../state/clusters.ts';

/**
 * @param record the cluster's
 * @param hint what to do about it
 * @throws KnestError (CLUSTER_INCOMPLETE) for a cluster that is half made
 */
export function refuseHalfMade(
  { created, plan }: Pick<ClusterRecord, 'created' | 'plan'>,
  hint = 'finish it with the same knest create cluster',
): void {
  if (created !== undefined) return;
  throw new KnestError(`creating cluster "${plan.cluster}" did not finish`, {
    code: 'CLUSTER_INCOMPLETE',
    hint,
  });
}
