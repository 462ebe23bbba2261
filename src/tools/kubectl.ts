/** kubectl(1), of the cluster's own version, run on the host. */

export interface DrainOptions {
  node: string;
  /** Milliseconds that evicting all pods may take. */
  timeout: number;
}

/**
 * Marks a node as unschedulable and evicts its pods, as one does before taking it away: DaemonSets' pods stay, data in
 * emptyDir volumes and pods without a controller are lost (Kubernetes: "Safely Drain a Node").
 */
export function drainCommand(kubectl: string, { node, timeout }: DrainOptions): string[] {
  return [
    ...[kubectl, 'drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--force'],
    `--timeout=${Math.ceil(timeout / 1000)}s`,
  ];
}

/** Reads what kubectl drain prints, line by line, and tells how many pods are left; pods that are refused are tried again. */
export function drainProgress(tell: (message: string) => void): (line: string) => void {
  const found = new Set<string>();
  let gone = 0;
  return (line) => {
    const [, pod] = /^evicting pod (\S+)/.exec(line) ?? [];
    const before = found.size;
    if (pod !== undefined) found.add(pod);
    else if (/^pod\/\S+ evicted$/.test(line)) gone += 1;
    else return;
    if (pod === undefined || found.size > before) tell(`${gone} of ${found.size} pods are evicted`);
  };
}
