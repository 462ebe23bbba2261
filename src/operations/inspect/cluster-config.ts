import { configOf } from '../../spec/config-of.ts';
import type { Config } from '../../spec/schema.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { requireCluster } from '../../state/clusters.ts';
import { versionTraits } from '../../plan/versions/traits.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

export interface ConfigOptions extends Context {
  /** The cluster's. */
  name: string;
  /** With all defaults, and with what knest chose when the cluster was made. */
  full?: boolean;
}

/**
 * The config of a cluster as it is: applied, it changes nothing. It has what the config had that it was made with, passwords
 * of registries and proxies too.
 * @throws KnestError kind "notFound"
 */
export async function clusterConfig({ name, full = false, ...context }: ConfigOptions): Promise<Config> {
  const { host, paths } = openSession(context);
  const { spec, plan } = await requireCluster(host, paths, name);
  const controlPlaneTaints = versionTraits(plan.kubernetesVersion).controlPlaneTaints.map((key) => ({
    ...{ key, value: '' },
    effect: 'NoSchedule' as const,
  }));
  const { nodeSubnets, podSubnets, serviceSubnets, lan } = plan.network;
  const chosen: ClusterSpec = {
    ...spec,
    kubernetes: { ...spec.kubernetes, version: spec.kubernetes.version ?? plan.kubernetesVersion },
    manager: plan.manager,
    network: {
      ...spec.network,
      ...(lan?.dhcp || spec.network.mode === 'host' ? {} : { nodeSubnets }),
      ...{ podSubnets, serviceSubnets },
    },
  };
  return configOf(full ? chosen : spec, { full, controlPlaneTaints });
}
