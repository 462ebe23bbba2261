/** Clusters that stay between runs of tests. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { compareWithSpec } from '../operations/inspect/describe-cluster.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { Cluster } from './cluster.ts';
import { createCluster, getCluster } from './create.ts';
import { isKnestError } from './errors.ts';
import { nameWith } from './names.ts';
import { settingsOf } from './settings.ts';
import { specOf } from './spec.ts';
import type { CreateClusterOptions } from './types.ts';

/** Milliseconds between two looks whether another test has finished with the cluster. */
const pause = 500;

/**
 * A cluster of these options that an earlier call left, started if it was stopped; else a new one. Its name comes from
 * the options. One that is not what they say any more, or does not become Ready, is made anew. While another process
 * makes it, this one waits.
 * @param label clusters of the same options and different labels are different ones
 * @throws as createCluster
 */
export async function reuseCluster(options: CreateClusterOptions, label = ''): Promise<Cluster> {
  const spec = await stableSpec(options, label);
  const { signal, kubeconfig, wait, retain, installPackages } = options;
  const settings = settingsOf(options);
  const shared = { ...settings, ...(kubeconfig !== undefined && { kubeconfig }), keep: true };
  const more = {
    ...(signal && { signal }),
    ...(wait !== undefined && { wait }),
    ...(retain !== undefined && { retain }),
    ...(installPackages !== undefined && { installPackages }),
  };
  for (;;) {
    try {
      const found = await compareWithSpec({ ...settings, spec });
      if (found === 'missing' || found === 'half-made')
        return await createCluster({ ...shared, ...more, spec });
      const cluster = await getCluster(spec.name, shared);
      if (found === 'same' && (await becomesReady(cluster, options))) return cluster;
      await cluster.delete();
    } catch (error) {
      if (!isKnestError(error, 'locked') && !isKnestError(error, 'exists')) throw error;
      await sleep(pause, undefined, signal ? { signal } : {});
    }
  }
}

/** With a name that is the same in every run. */
async function stableSpec(options: CreateClusterOptions, label: string): Promise<ClusterSpec> {
  if (options.spec !== undefined || options.name !== undefined) return specOf(options, options.listener);
  const spec = await specOf({ ...options, name: 'reuse' });
  const digest = createHash('sha256')
    .update(JSON.stringify([label, spec]))
    .digest('hex')
    .slice(0, 10);
  return specOf({ ...options, name: nameWith('reuse', digest) }, options.listener);
}

async function becomesReady(cluster: Cluster, { wait, signal }: CreateClusterOptions): Promise<boolean> {
  const { state, apiserver, nodes } = await cluster.status();
  if (state === 'running' && apiserver.ok && nodes.every(({ ready }) => ready)) return true;
  try {
    await cluster.start({ ...(signal && { signal }), ...(wait !== undefined && { wait }) });
    return true;
  } catch (error) {
    if (signal?.aborted || !isKnestError(error) || error.kind === 'locked') throw error;
    return false;
  }
}
