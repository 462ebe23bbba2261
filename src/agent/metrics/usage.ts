/** What the kubelet says of CPU and memory, and the same in the words of metrics.k8s.io. */

/**
 * The part that is read of the kubelet's summary (Kubernetes: staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1). Without
 * disks and networks: /stats/summary?only_cpu_and_memory=true
 */
export interface Summary {
  node?: Measured;
  pods?: { podRef?: { name?: string; namespace?: string; uid?: string }; containers?: Container[] }[];
}

interface Measured {
  /** RFC 3339, to the second. */
  startTime?: string;
  cpu?: { time?: string; usageNanoCores?: number };
  memory?: { workingSetBytes?: number };
}

type Container = Measured & { name?: string };

export interface Usage {
  /** Milliseconds since 1970 at which the kubelet looked. */
  time: number;
  nanoCores: number;
  bytes: number;
}

/** Of one node. */
export interface NodeUsage {
  /** undefined: the kubelet does not know yet. */
  node: Usage | undefined;
  /** By uid; a pod of which one container is not known yet is left out, as half of it would look like all. */
  pods: ReadonlyMap<string, readonly (Usage & { name: string })[]>;
}

/** Seconds between two looks of the kubelet, of which it makes the rate (cAdvisor's housekeeping interval in the kubelet). */
const interval = 10;

export function readSummary({ node, pods = [] }: Summary): NodeUsage {
  return {
    node: node && usageOf(node),
    pods: new Map(
      pods.flatMap(({ podRef, containers = [] }) => {
        const known = containers.flatMap((container) => {
          const usage = usageOf(container);
          return usage ? [{ name: container.name ?? '', ...usage }] : [];
        });
        const isWhole = known.length > 0 && known.length === containers.length;
        return isWhole && podRef?.uid !== undefined ? [[podRef.uid, known] as const] : [];
      }),
    ),
  };
}

function usageOf({ startTime, cpu, memory }: Measured): Usage | undefined {
  if (cpu?.time === undefined || cpu.usageNanoCores === undefined || memory?.workingSetBytes === undefined)
    return undefined;
  const time = Date.parse(cpu.time);
  // When the kubelet has looked only once it says 0 (pkg/kubelet/stats/helper.go), which would scale a busy deployment
  // down. The first look may be as late as one interval after the start.
  const isYoung = startTime !== undefined && time - Date.parse(startTime) < 2 * interval * 1000;
  if (cpu.usageNanoCores === 0 && isYoung) return undefined;
  return { time, nanoCores: cpu.usageNanoCores, bytes: memory.workingSetBytes };
}

export const groupVersion = 'metrics.k8s.io/v1beta1';

interface Metadata {
  name?: string | undefined;
  namespace?: string | undefined;
  labels?: Record<string, string> | undefined;
}

export function nodeMetrics({ name, labels }: Metadata, usage: Usage, now: Date) {
  return { ...head('NodeMetrics', { name, labels }, usage.time, now), usage: resources(usage) };
}

/** @param containers one at least */
export function podMetrics(
  { name, namespace, labels }: Metadata,
  containers: readonly (Usage & { name: string })[],
  now: Date,
) {
  // containers are looked at one after the other: the oldest look is what all of them are at least as new as
  const time = Math.min(...containers.map((container) => container.time));
  return {
    ...head('PodMetrics', { name, namespace, labels }, time, now),
    containers: containers.map((container) => ({ name: container.name, usage: resources(container) })),
  };
}

function head(kind: string, metadata: Metadata, time: number, now: Date) {
  return {
    kind,
    apiVersion: groupVersion,
    // made when they are asked for, as metrics-server's
    metadata: { ...metadata, creationTimestamp: seconds(now) },
    timestamp: seconds(new Date(time)),
    window: `${interval}s`,
  };
}

/** Units as metrics-server has them. */
function resources({ nanoCores, bytes }: Usage) {
  return { cpu: `${nanoCores}n`, memory: `${Math.round(bytes / 1024)}Ki` };
}

/** metav1.Time has no fractions. */
function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d+/, '');
}
