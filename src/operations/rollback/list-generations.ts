import { requireCluster } from '../../state/clusters.ts';
import { listGenerations as list } from '../../state/history.ts';
import type { Generation } from '../../state/history.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

export type { Generation };

/** What a cluster was before its last changes, the newest first. @throws KnestError kind "notFound" */
export async function listGenerations(options: Context & { name: string }): Promise<Generation[]> {
  const { host, paths } = openSession(options);
  await requireCluster(host, paths, options.name);
  return (await list(host, paths, options.name)).reverse();
}
