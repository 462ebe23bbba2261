import { InputError, KnestError } from '../../errors.ts';
import { inRange, parseRange } from '../../formats/address-range.ts';
import { inheritSpec } from '../../plan/change/inherit.ts';
import { unchangeableProblems } from '../../plan/change/unchangeable.ts';
import { keepFor } from '../../plan/keep.ts';
import type { Keep } from '../../plan/keep.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { secretsOf } from '../../spec/secrets.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { appliedPlan } from '../../state/applied.ts';
import { acquire } from '../phases/acquire.ts';
import { planBesideOthers } from '../phases/plan.ts';
import { resolveReferences } from '../phases/resolve-references.ts';
import { findDrift, sayDrift, withDrift } from './drift.ts';
import { changesTo, interruptedIn } from './open-cluster.ts';
import type { OpenCluster } from './open-cluster.ts';
import { planRollout } from './rollout.ts';
import type { PlannedChange } from './types.ts';

export interface PlanChangeOptions {
  /** May install missing packages on the host. */
  install?: boolean;
  /** Only look: nothing is touched, and no DHCP server is asked. */
  dryRun?: boolean;
  /** Workers that may be changed at the same time; default 1. */
  maxUnavailable?: number;
  /** What the cluster keeps; default: all that the two specs say alike. */
  keep?: Keep;
}

/**
 * What it takes to bring a cluster to a spec: what the spec leaves to knest stays as it is. Touches nothing but what is
 * allowed to be installed.
 * @throws InputError with everything that a living cluster cannot become, and with all that does not fit this host
 */
export async function planChangeTo(
  cluster: OpenCluster,
  wanted: ClusterSpec,
  { install = false, dryRun = false, maxUnavailable, keep: chosen }: PlanChangeOptions = {},
): Promise<PlannedChange> {
  const { session, record, material } = cluster;
  const { plan: previous, spec: present, created } = record;
  const drift = await findDrift(cluster);
  const { applied } = withDrift(record, drift);
  const before = appliedPlan(applied);
  if (created === undefined || !before) {
    throw new KnestError(`creating cluster "${previous.cluster}" did not finish`, {
      code: 'CLUSTER_INCOMPLETE',
      hint: 'finish it with the same knest create cluster, then change it',
    });
  }
  const spec = await resolve(session, present, wanted);
  const problems = unchangeableProblems(previous, present, spec);
  if (problems.length > 0) throw new InputError(`cluster "${previous.cluster}" cannot become this`, problems);
  const keep = chosen ?? keepFor(previous, present, spec);
  const acquired = await acquire(session, spec, {
    ...{ install, previous, keep },
    ...(dryRun ? { leases: 'examples' as const } : {}),
  });
  const after = await planBesideOthers(session, spec, acquired, { previous, keep });
  refuseTakenAddresses(after);
  const known = new Map([...material, ...secretsOf(spec)]);
  const changes = sayDrift(changesTo(after, applied, known, { planned: true }), drift);
  const rollout = planRollout(changes, after, spec, {
    maxUnavailable,
    interrupted: interruptedIn(applied),
  });
  return { spec, before, after, changes, rollout, facts: acquired.facts, drift };
}

/** What the config only points at is read again; what it does not say is not looked for. */
async function resolve(
  session: OpenCluster['session'],
  present: ClusterSpec,
  wanted: ClusterSpec,
): Promise<ClusterSpec> {
  const { proxy } = inheritSpec(present, wanted);
  // proxies of whoever changes the cluster are none of its own
  const resolved = await resolveReferences(session, { ...wanted, proxy: proxy ?? noProxy });
  return inheritSpec(present, { ...resolved, proxy });
}

const noProxy = { http: undefined, https: undefined, noProxy: [] };

function refuseTakenAddresses({ machines, network }: ClusterPlan): void {
  const problems = (network.loadBalancer ?? []).flatMap((text) => {
    const range = parseRange(text);
    const owner = machines.find(({ addresses }) => addresses.some(({ address }) => inRange(range, address)));
    if (!owner) return [];
    return [
      {
        path: 'network.loadBalancer.addresses',
        message: `${text} has ${owner.address}, the address of ${owner.name}`,
        hint: 'give addresses that no node has',
      },
    ];
  });
  if (problems.length > 0) throw new InputError('the cluster cannot become this', problems);
}
