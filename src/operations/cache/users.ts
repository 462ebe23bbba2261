import { KnestError } from '../../errors.ts';
import type { Host } from '../../host/types.ts';
import type { Paths } from '../../plan/types.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { keptPlans } from '../../state/history.ts';
import { stateFolders } from '../../state/state-folders.ts';
import { readAllClusters } from '../find-machines.ts';
import type { Session } from '../session.ts';

/** Who stands on the layers of a cache. */
export interface LayerUsers {
  /**
   * By a layer's id: names of clusters, with their state folder where that is another one, or with a word where only a
   * rollback would need it; else where it is mounted.
   */
  byLayer: ReadonlyMap<string, readonly string[]>;
  /** Clusters of which nobody knows what they stand on. */
  unreadable: readonly KnestError[];
}

/** Asks the records of every state folder that has used this cache, and the kernel for mounts that nobody wrote down. */
export async function layerUsers(session: Session): Promise<LayerUsers> {
  const { host, paths } = session;
  const byLayer = new Map<string, string[]>();
  const unreadable: KnestError[] = [];
  for (const state of await stateFolders(host, paths)) {
    const found = await readAllClusters({ ...session, paths: { ...paths, state } });
    unreadable.push(...found.unreadable.map(({ error }) => error));
    for (const record of found.records) {
      const { cluster } = record.plan;
      const name = state === paths.state ? cluster : `${cluster} (${state})`;
      for (const id of layersOf(record)) byLayer.set(id, [...(byLayer.get(id) ?? []), name]);
      const kept = await keptPlans(host, { ...paths, state }, cluster).catch((error: unknown) => {
        if (!(error instanceof KnestError)) throw error;
        unreadable.push(error);
        return [];
      });
      for (const id of new Set(kept.flatMap(({ layers }) => layers.map((layer) => layer.id))))
        if (!byLayer.get(id)?.includes(name))
          byLayer.set(id, [...(byLayer.get(id) ?? []), `${name} (before a change)`]);
    }
  }
  for (const [id, point] of await mountedLayers(host, paths)) {
    if (!byLayer.has(id)) byLayer.set(id, [`mounted at ${point}`]);
  }
  return { byLayer, unreadable };
}

/** Ids of all layers of the wanted plan, and of those that machines have from the plan before it. */
export function layersOf({ plan, applied }: Pick<ClusterRecord, 'plan' | 'applied'>): Set<string> {
  const machines = [...plan.machines, ...applied.machines.map(({ machine }) => machine)];
  const layers = [...plan.layers, ...(applied.cluster?.layers ?? [])];
  return new Set([...layers.map(({ id }) => id), ...machines.flatMap((machine) => machine.layers)]);
}

/** One mount point for each layer that is a lower directory of an overlay (proc(5), /proc/PID/mountinfo). */
async function mountedLayers(host: Host, { cache }: Paths): Promise<Map<string, string>> {
  const lines = ((await host.readFile('/proc/self/mountinfo')) ?? '').split('\n');
  const layer = /\/layers\/([^/:,\s]+)/g;
  const inCache = (await host.list(`${cache}/layers`)).filter((name) => !name.includes('.lock'));
  return new Map(
    lines
      .filter((line) => line.includes('lowerdir'))
      .flatMap((line) => {
        const point = line.split(' ')[4] ?? '';
        const ids = [...line.matchAll(layer)].map(([, id]) => id ?? '');
        return ids.filter((id) => inCache.includes(id)).map((id): [string, string] => [id, point]);
      }),
  );
}
