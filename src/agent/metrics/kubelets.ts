import type { NodeObject } from '../../clients/kubernetes/objects.ts';
import { log, reasonOf } from '../log.ts';
import { readSummary } from './usage.ts';
import type { NodeUsage, Summary } from './usage.ts';

/** Asks a kubelet. @throws Error when it does not answer, or refuses */
export type AskKubelet = (url: URL) => Promise<string>;

/** What kubelets say. */
export interface Kubelets {
  /** undefined: it cannot be asked, or does not answer. Never fails. */
  usage(node: NodeObject): Promise<NodeUsage | undefined>;
}

/** Milliseconds; the kubelet itself looks every ten seconds, so a younger answer would be the same. */
const usualFreshness = 5000;

/**
 * Asks only when somebody wants to know, so that metrics which nobody reads cost nothing: the kubelet makes rates by itself,
 * and needs nobody who asks twice. Answers, and that there was none, are kept for a few seconds: several autoscalers ask one
 * after the other, and a dead kubelet shall delay only one of them.
 */
export function openKubelets(ask: AskKubelet, freshness = usualFreshness): Kubelets {
  const answers = new Map<string, { asked: number; usage: Promise<NodeUsage | undefined> }>();
  const silent = new Set<string>();
  const fetch = async (node: NodeObject): Promise<NodeUsage | undefined> => {
    const name = node.metadata?.name ?? '';
    try {
      const url = summaryUrl(node);
      if (url === undefined) return undefined;
      const usage = readSummary(JSON.parse(await ask(url)) as Summary);
      if (silent.delete(name)) log.info(`kubelet of ${name} answers again`);
      return usage;
    } catch (error) {
      if (!silent.has(name)) log.warning(`kubelet of ${name}: ${reasonOf(error)}`);
      silent.add(name);
      return undefined;
    }
  };
  return {
    usage: (node) => {
      const now = performance.now();
      for (const [key, { asked }] of answers) if (now - asked > freshness) answers.delete(key);
      const key = node.metadata?.name ?? '';
      const known = answers.get(key);
      if (known) return known.usage;
      const usage = fetch(node);
      answers.set(key, { asked: now, usage });
      return usage;
    },
  };
}

/** undefined: it has not said its address yet, or the control plane has given it up (Ready is Unknown). */
function summaryUrl({ status = {} }: NodeObject): URL | undefined {
  const { addresses = [], conditions = [], daemonEndpoints } = status;
  const address = addresses.find(({ type }) => type === 'InternalIP')?.address;
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (address === undefined || ready?.status === 'Unknown') return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  const port = daemonEndpoints?.kubeletEndpoint?.Port ?? 10250;
  return new URL(`https://${host}:${port}/stats/summary?only_cpu_and_memory=true`);
}
