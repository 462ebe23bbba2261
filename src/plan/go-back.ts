/** What it takes to bring a cluster back to an earlier plan. */

import type { ClusterSpec, NodeSpec } from '../spec/types.ts';
import { controlPlanesOf } from './control-planes.ts';
import { keepOf } from './keep.ts';
import type { Keep } from './keep.ts';
import { suiteOf } from './node-components.ts';
import type { ClusterPlan, MachinePlan } from './types.ts';
import { etcdUpgradeProblem } from './versions/etcd.ts';
import { minorOf } from './versions/facts.ts';

/**
 * Why etcd's data has to go back with the programs: they would not understand what newer ones have written.
 * @param present what control planes have had since, machines that are on their way included
 * @returns a sentence; undefined: the data stays
 */
export function whyDataGoesBack(present: readonly MachinePlan[], target: ClusterPlan): string | undefined {
  for (const after of controlPlanesOf(target.machines)) {
    for (const before of present.filter(({ name }) => name === after.name)) {
      const [from, to] = [before.components?.etcd?.version, after.components?.etcd?.version];
      if (from !== undefined && to !== undefined && isOlderLine(from, to))
        return `etcd ${to} does not read what etcd ${from} has written`;
      const [newer, older] = [before.kubernetesVersion, after.kubernetesVersion];
      if (minorOf(newer) > minorOf(older))
        return `Kubernetes ${older} may not understand objects that ${newer} has written`;
    }
  }
  return undefined;
}

function isOlderLine(from: string, to: string): boolean {
  return etcdUpgradeProblem(from, to)?.message.includes('cannot go back') ?? false;
}

/**
 * Why the data of a generation cannot be given to its control planes: etcd is then made of them anew, so they must be those
 * that are there.
 */
export function membersProblem(present: ClusterPlan, target: ClusterPlan): string | undefined {
  const names = (plan: ClusterPlan): string[] =>
    controlPlanesOf(plan.machines)
      .map(({ name, address }) => `${name} (${address})`)
      .sort();
  const [now, then] = [names(present), names(target)];
  if (now.join() === then.join()) return undefined;
  return `its control planes were ${then.join(', ')}, and are ${now.join(', ')}`;
}

/** Workers that are there and then, and stand on other layers. */
export function workersToGoBack(present: ClusterPlan, target: ClusterPlan): string[] {
  return target.machines
    .filter(({ name, role, layers }) => {
      const now = present.machines.find((machine) => machine.name === name);
      return role === 'worker' && now !== undefined && now.layers.join() !== layers.join();
    })
    .map(({ name }) => name);
}

/**
 * A cluster as it is but for some workers, which are as they were: kubelets go back before API servers do, because they may
 * be older than these and not newer.
 * @param target what it goes back to
 */
export function onlyWorkers(
  present: { spec: ClusterSpec; plan: ClusterPlan },
  target: { spec: ClusterSpec; plan: ClusterPlan },
  workers: readonly string[],
): { spec: ClusterSpec; keep: Keep } {
  const [now, then] = [keepOf(present.plan), keepOf(target.plan)];
  const goesBack = (name: string): boolean => workers.includes(name);
  const mix = <T>(
    here: Readonly<Record<string, T>> = {},
    there: Readonly<Record<string, T>> = {},
  ): Record<string, T> => {
    const taken = Object.entries(there).filter(([name]) => goesBack(name));
    return { ...here, ...Object.fromEntries(taken) };
  };
  const nodes = present.spec.nodes.map((node): NodeSpec => {
    const { spec, plan } = goesBack(node.name) ? target : present;
    const own = spec.nodes.find(({ name }) => name === node.name) ?? node;
    const version = plan.machines.find(({ name }) => name === node.name)?.kubernetesVersion;
    return {
      ...node,
      kubernetes: { version, source: (own.kubernetes ?? spec.kubernetes).source },
      suite: suiteOf(own, spec.image),
    };
  });
  return {
    spec: { ...present.spec, nodes },
    keep: {
      ...now,
      kubernetes: {
        ...now.kubernetes,
        nodes: mix(now.kubernetes?.nodes, then.kubernetes?.nodes),
      },
      components: mix(now.components, then.components),
      layers: mix(now.layers, then.layers),
    },
  };
}
