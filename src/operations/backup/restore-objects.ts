import type { Progress } from '../../events.ts';
import type { EtcdClient } from '../../clients/etcd/client.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { restoreEtcdSnapshot } from '../etcd-snapshot/restore.ts';
import type { OnLayers } from '../etcd-snapshot/restore.ts';
import { writeSnapshot } from '../etcd-snapshot/save.ts';
import { withThrowAwayEtcd } from '../etcd-snapshot/throw-away.ts';
import { prefixesToRewrite, rewriteKey } from './rewrite.ts';
import type { Mapping } from './rewrite.ts';

export interface RestoreObjects {
  plan: ClusterPlan;
  /** Snapshot file on the host. */
  snapshot: string;
  /** A folder on the host that is made for it, and goes with it. */
  scratch: string;
  mapping: Mapping;
  progress: Progress;
}

/**
 * Gives the control planes of a plan the objects of a snapshot. What names nodes and addresses is changed before, in an etcd
 * of its own: no API server ever sees the old ones.
 */
export async function restoreObjects(
  on: OnLayers,
  { plan, snapshot, scratch, mapping, progress }: RestoreObjects,
): Promise<void> {
  const { host, signal } = on;
  const [first] = controlPlanesOf(plan.machines);
  if (!first) throw new Error('a plan has a control plane');
  const changed = `${scratch}.db`;
  try {
    await withThrowAwayEtcd(on, first, snapshot, scratch, async ({ client, endpoint }) => {
      await rewriteAll(client, mapping, progress);
      await writeSnapshot(host, await client.snapshot(endpoint, signal), changed);
    });
    await restoreEtcdSnapshot({ ...on, machines: plan.machines, file: changed, progress });
  } finally {
    await host.remove(changed);
  }
}

async function rewriteAll(client: EtcdClient, mapping: Mapping, progress: Progress): Promise<void> {
  let count = 0;
  for (const prefix of prefixesToRewrite(mapping)) {
    for await (const { key, value } of client.keys(prefix)) {
      const rewritten = rewriteKey(key, value, mapping);
      if (rewritten === 'same') continue;
      // under a new name first: what is written twice is better than what is not there at all
      if (rewritten !== 'gone') await client.put(rewritten.key, rewritten.value);
      if (rewritten === 'gone' || rewritten.key !== key) await client.deleteKey(key);
      count += 1;
      if (count % 100 === 0) progress(`${count} objects changed`);
    }
  }
}
