import { CommandError, KnestError } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { drainCommand, drainProgress } from '../../tools/kubectl.ts';
import { clusterKubeconfigPath } from '../admin-kubeconfig.ts';
import { kubectlPath } from '../find-machines.ts';
import type { Session } from '../session.ts';

export interface DrainOptions {
  /** Milliseconds that evicting all pods may take. */
  timeout: number;
  progress: Progress;
  /** What was not done because of it: "nothing was deleted". */
  consequence: string;
  /** What the user can do. */
  hint: string;
}

/**
 * Evicts the pods of a node; budgets are respected. A node without a Node object has none.
 * @throws KnestError (DRAIN_FAILED) that names the pods that stay
 */
export async function drainNode(
  { host, paths, signal }: Session,
  { name }: Pick<MachinePlan, 'name'>,
  plan: ClusterPlan,
  { timeout, progress, consequence, hint }: DrainOptions,
): Promise<void> {
  const command = drainCommand(kubectlPath(paths, plan), { node: name, timeout });
  try {
    const env = { KUBECONFIG: clusterKubeconfigPath(paths, plan.cluster) };
    await host.run(command, { env, signal, onLine: drainProgress(progress) });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // its Node object is gone already
    if (error.details.some((line) => line.includes('NotFound'))) return;
    throw new KnestError(`the pods of ${name} were not all evicted; ${consequence}`, {
      code: 'DRAIN_FAILED',
      cause: error,
      details: whatBlocks(error),
      hint,
    });
  }
}

/** One line for each pod that cannot be evicted: kubectl says it again every five seconds. */
export function whatBlocks({ stderr, details }: Pick<CommandError, 'stderr' | 'details'>): readonly string[] {
  const refused = /error when evicting pods?\/?"([^"]+)"(?: -n "([^"]+)")?.*?: (.*)$/;
  const pods = new Map(
    stderr.split('\n').flatMap((line): [string, string][] => {
      const [, pod, namespace = '', why = ''] = refused.exec(line) ?? [];
      return pod === undefined ? [] : [[`${namespace}/${pod}`, why]];
    }),
  );
  const rest = details.filter((line) => !refused.test(line));
  return [...[...pods].map(([pod, why]) => `${pod}: ${why}`), ...rest];
}
