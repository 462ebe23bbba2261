import type { Progress } from '../../events.ts';
import type { KeptSnapshot } from '../../state/history.ts';
import type { OpenCluster } from '../change/open-cluster.ts';
import { saveEtcdSnapshot } from '../etcd-snapshot/save.ts';

/** What etcd has now, written to a file of the host. @throws KnestError (QUORUM_LOSS) when no member answers */
export async function keepEtcd(
  { session: { host, signal }, material, record }: OpenCluster,
  file: string,
  progress: Progress,
): Promise<KeptSnapshot> {
  const { machines } = record.plan;
  const saved = await saveEtcdSnapshot({ host, machines, material, file, progress, signal });
  const { taken, etcdVersion: etcd, count, size } = saved;
  return { taken, etcd, revision: count.revision, keys: count.keys, size };
}
