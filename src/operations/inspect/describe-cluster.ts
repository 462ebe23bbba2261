import { isDeepStrictEqual } from 'node:util';

import type { ClusterSpec, NodeRole } from '../../spec/types.ts';
import { readCluster, requireCluster } from '../../state/clusters.ts';
import { clusterKubeconfigPath } from '../admin-kubeconfig.ts';
import { resolveReferences } from '../phases/resolve-references.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

/** What is written down of a cluster. */
export interface ClusterDescription {
  name: string;
  /** Its context in kubeconfigs. */
  context: string;
  endpoint: string;
  kubernetesVersion: string;
  /** Path of a kubeconfig of this cluster alone; there once the cluster was made. */
  kubeconfig: string;
  nodes: readonly NodeDescription[];
}

export interface NodeDescription {
  name: string;
  role: NodeRole;
  /** One per family. */
  addresses: readonly string[];
}

/** A cluster as its record has it: nothing is asked of its machines. @throws KnestError kind "notFound" */
export async function describeCluster(options: Context & { name: string }): Promise<ClusterDescription> {
  const { host, paths } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  return {
    name: plan.cluster,
    context: plan.context,
    endpoint: plan.endpoint,
    kubernetesVersion: plan.kubernetesVersion,
    kubeconfig: clusterKubeconfigPath(paths, plan.cluster),
    nodes: plan.machines.map(({ name, role, addresses }) => ({
      name,
      role,
      addresses: addresses.map(({ address }) => address),
    })),
  };
}

/**
 * Whether the cluster of a spec's name is there, and is what the spec says.
 * @returns half-made: making it did not finish; other: its spec is another one
 */
export async function compareWithSpec(
  options: Context & { spec: ClusterSpec },
): Promise<'missing' | 'half-made' | 'other' | 'same'> {
  const session = openSession(options);
  const record = await readCluster(session.host, session.paths, options.spec.name);
  if (record === undefined) return 'missing';
  if (record.created === undefined) return 'half-made';
  const wanted = await resolveReferences(session, options.spec);
  // as it is on disk: what is undefined is not there
  return isDeepStrictEqual(record.spec, JSON.parse(JSON.stringify(wanted))) ? 'same' : 'other';
}
