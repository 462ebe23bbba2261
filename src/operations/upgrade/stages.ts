/** The steps of an upgrade with their plans, made before anything is touched. */

import { diffPlans, isEmpty } from '../../diff/diff-plans.ts';
import { InputError } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import { keepInStep, specAfter } from '../../plan/upgrade.ts';
import type { UpgradeStep } from '../../plan/upgrade.ts';
import { suiteOf } from '../../plan/node-components.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { etcdUpgradeProblem } from '../../plan/versions/etcd.ts';
import { upgradeStages } from '../../plan/versions/upgrade-path.ts';
import type { NodeToUpgrade } from '../../plan/versions/upgrade-path.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { choose, makeHostFit } from '../phases/acquire.ts';
import { planBesideOthers } from '../phases/plan.ts';
import type { Session } from '../session.ts';
import type { VersionOnTheWay } from './target.ts';
import type { PlannedStage, UpgradeOptions } from './types.ts';

export interface StageToCarryOut extends PlannedStage {
  spec: ClusterSpec;
  plan: ClusterPlan;
}

export interface Staged {
  facts: HostFacts;
  stages: readonly StageToCarryOut[];
  /** What is wrong with them whatever the cluster is like at the moment. */
  problems: readonly Problem[];
}

export function nodesToUpgrade({ machines }: ClusterPlan): NodeToUpgrade[] {
  return machines.map(({ name, role, kubernetesVersion: version }) => ({ name, role, version }));
}

/**
 * The steps that an upgrade takes.
 * @param versions see versionsOnTheWay; empty: Kubernetes stays
 */
export function upgradeSteps(
  spec: ClusterSpec,
  plan: ClusterPlan,
  versions: readonly VersionOnTheWay[],
  { suite, components, nodes }: Pick<UpgradeOptions, 'suite' | 'components' | 'nodes'>,
): UpgradeStep[] {
  const asked = spec.nodes.filter(({ name }) => nodes?.includes(name) ?? true);
  const left = new Set(
    asked
      .filter((node) => (suite !== undefined && suiteOf(node, spec.image) !== suite) || components)
      .map(({ name }) => name),
  );
  const byVersion = upgradeStages(
    nodesToUpgrade(plan),
    versions.map(({ resolved }) => resolved.version),
    nodes,
  );
  const steps = byVersion.map((stage): UpgradeStep => {
    // a machine that is restarted anyway gets all that is new at once
    const more = stage.nodes.some((name) => left.delete(name) || left.has(name));
    for (const name of stage.nodes) left.delete(name);
    const kubernetes = versions.find(({ resolved }) => resolved.version === stage.version);
    return { nodes: stage.nodes, kubernetes, ...(more ? { suite, components } : {}) };
  });
  return left.size === 0 ? steps : [...steps, { nodes: [...left], suite, components }];
}

/** Plans all steps, each on the one before it. @throws InputError, KnestError when the host is not fit for them */
export async function planStages(
  session: Session,
  record: { spec: ClusterSpec; plan: ClusterPlan },
  steps: readonly UpgradeStep[],
): Promise<Staged> {
  const there = new Set(record.plan.machines.map(({ name }) => name));
  const stages: StageToCarryOut[] = [];
  const problems: Problem[] = [];
  let { spec, plan } = record;
  let facts: HostFacts | undefined;
  for (const step of steps) {
    const wanted = specAfter(spec, plan, step);
    const keep = keepInStep(plan, wanted, step);
    facts ??= await makeHostFit(session, wanted, { install: false, kept: keep.kubernetes, there });
    const kubernetes = await choose(session, wanted, facts, keep);
    const after = await planBesideOthers(
      session,
      wanted,
      { facts, kubernetes, leases: {} },
      { previous: plan, keep },
    );
    const changes = diffPlans(plan, after);
    problems.push(...etcdProblems(plan, after));
    if (!isEmpty(changes)) {
      const version = step.kubernetes?.resolved.version;
      stages.push({ version, nodes: step.nodes, changes, spec: wanted, plan: after });
    }
    [spec, plan] = [wanted, after];
  }
  facts ??= await makeHostFit(session, spec, { install: false, kept: { nodes: {} }, there });
  return { facts, stages, problems };
}

function etcdProblems(before: ClusterPlan, after: ClusterPlan): Problem[] {
  const found = after.machines.flatMap(({ name, components }): Problem[] => {
    const from = before.machines.find((one) => one.name === name)?.components?.etcd?.version;
    const to = components?.etcd?.version;
    const problem = from === undefined || to === undefined ? undefined : etcdUpgradeProblem(from, to);
    return problem ? [{ path: '--etcd', ...problem }] : [];
  });
  return [...new Map(found.map((problem) => [problem.message, problem])).values()];
}

/** @throws InputError when nothing is asked for, or nodes that are not there */
export function refuseOptions(plan: ClusterPlan, options: UpgradeOptions): void {
  const { kubernetesVersion, sources = [], suite, components = {}, nodes = [] } = options;
  const names = plan.machines.map(({ name }) => name);
  const unknown = nodes.filter((name) => !names.includes(name));
  const nothing =
    kubernetesVersion === undefined &&
    sources.length === 0 &&
    suite === undefined &&
    Object.keys(components).length === 0;
  const problems: Problem[] = [
    ...(nothing
      ? [
          {
            path: '--kubernetes-version',
            message: 'what to upgrade to is not said',
            hint: 'knest get versions says what there is; --suite, --containerd, --runc, --cni-plugins and --etcd are other things to upgrade',
          },
        ]
      : []),
    ...unknown.map((name) => ({
      path: '--nodes',
      message: `cluster "${plan.cluster}" has no node ${name}`,
      hint: `it has ${names.join(', ')}`,
    })),
  ];
  if (problems.length > 0) throw new InputError('The flags', problems);
}
