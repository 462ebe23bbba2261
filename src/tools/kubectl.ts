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
