import { createCluster as create } from '../operations/create/create-cluster.ts';
import { describeCluster } from '../operations/inspect/describe-cluster.ts';
import { doctor as examine } from '../operations/inspect/doctor.ts';
import { planCluster as plan } from '../operations/create/plan-cluster.ts';
import type { Check, PlanResult } from '../operations/types.ts';
import { clusterHandle } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { orReason } from './errors.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { settingsOf } from './settings.ts';
import { specOf } from './spec.ts';
import type {
  CallOptions,
  CreateClusterOptions,
  GetClusterOptions,
  PlanClusterOptions,
  Settings,
} from './types.ts';

/**
 * Creates a cluster and returns when its nodes are Ready. One that fails, or that the signal stops, leaves nothing
 * unless `retain` is set. The user's kubeconfig is touched only when `kubeconfig` says so.
 * @throws InputError with all that is wrong in the options; KnestError: "exists", "locked", "preflight", "notReady"
 */
export async function createCluster(options: CreateClusterOptions = {}): Promise<Cluster> {
  const { listener, signal, kubeconfig, wait, retain, keep, installPackages } = options;
  signal?.throwIfAborted();
  const settings = settingsOf(options);
  const spec = await specOf(options, listener);
  const work = create({
    ...settings,
    spec,
    ...kubeconfigFor(kubeconfig),
    ...(signal && { signal }),
    ...(wait !== undefined && { wait }),
    ...(retain !== undefined && { retain }),
    ...(installPackages !== undefined && { yes: installPackages }),
  });
  const { name } = await orReason(signal, work);
  return getCluster(name, {
    ...settings,
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(keep !== undefined && { keep }),
  });
}

/**
 * A cluster that is there, whoever made it; also one whose making did not finish.
 * @throws KnestError kind "notFound"
 */
export async function getCluster(name: string, options: GetClusterOptions = {}): Promise<Cluster> {
  return clusterHandle(await describeCluster({ ...options, name }), options);
}

/** Everything that createCluster would do on this host now; touches nothing. @throws InputError, KnestError */
export async function planCluster(options: PlanClusterOptions = {}): Promise<PlanResult> {
  const { listener, signal } = options;
  const spec = await specOf(options, listener);
  return orReason(signal, plan({ ...settingsOf(options), ...(signal && { signal }), spec }));
}

/** Looks at everything that knest needs from the host; may install the packages that are missing. */
export async function doctor(
  options: Settings & CallOptions & { installPackages?: boolean } = {},
): Promise<Check[]> {
  const { installPackages = false, ...context } = options;
  return orReason(options.signal, examine({ ...context, fix: installPackages, yes: installPackages }));
}
