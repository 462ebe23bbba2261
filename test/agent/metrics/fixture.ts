/** Kubelets' summaries, as /stats/summary?only_cpu_and_memory=true gives them (fields that nobody reads left out). */

import type { Summary } from '../../../src/agent/metrics/usage.ts';

export const looked = '2026-01-01T00:10:00Z';
const long = '2026-01-01T00:00:00Z';

export function container(
  name: string,
  usageNanoCores: number | undefined,
  workingSetBytes = 0,
  startTime = long,
) {
  return {
    ...{ name, startTime, memory: { time: looked, workingSetBytes } },
    cpu: {
      time: looked,
      ...(usageNanoCores === undefined ? {} : { usageNanoCores }),
      usageCoreNanoSeconds: 123_456,
    },
  };
}

export function pod(name: string, ...containers: ReturnType<typeof container>[]) {
  return { podRef: { name, namespace: 'shop', uid: `uid-${name}` }, containers };
}

export function summary(...pods: ReturnType<typeof pod>[]): Summary {
  return { node: container('', 250_000_000, 2 ** 30), pods };
}
