import { KnestError, printableCommand } from '../errors.ts';
import { layerPath } from '../artifacts/layers.ts';
import { runAttached } from '../host/local.ts';
import { clusterFolder, requireCluster } from '../state/clusters.ts';
import { openManager, requireMachine } from './machines.ts';
import { openSession } from './session.ts';
import type { Context } from './types.ts';

/** Runs a program in a node with this process's own streams; gives its exit code. */
export async function execInNode(
  options: Context & { node: string; argv: string[]; tty: boolean },
): Promise<number> {
  const session = openSession(options);
  const { machine } = await requireMachine(session, options.node);
  const manager = await openManager(session);
  const argv = options.tty ? onTerminal(options.argv) : options.argv;
  return runAttached(await manager.enterCommand(machine, argv, process.env['TERM'] ?? 'dumb'));
}

/** A node's journal, as journalctl(1) shows it. */
export async function nodeLogs(
  options: Context & { node: string; unit?: string; follow: boolean; lines?: number },
): Promise<number> {
  const argv = [
    ...['journalctl', '--no-pager'],
    ...(options.unit === undefined ? [] : [`--unit=${options.unit}`]),
    ...(options.lines === undefined ? [] : [`--lines=${options.lines}`]),
    ...(options.follow ? ['--follow'] : []),
  ];
  return execInNode({ ...options, argv, tty: false });
}

/** kubectl of the cluster's own version, as its administrator. @throws KnestError kind "notFound" */
export async function kubectlCommand(
  options: Context & { name: string },
): Promise<{ argv: string[]; env: Record<string, string> }> {
  const { host, paths } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  const layer = plan.layers.find(({ kind }) => kind === 'kubernetes');
  if (!layer) throw new KnestError(`the plan of cluster "${options.name}" has no Kubernetes`);
  return {
    argv: [`${layerPath(paths, layer.id)}/usr/local/bin/kubectl`],
    env: { KUBECONFIG: `${clusterFolder(paths, options.name)}/kubeconfig` },
  };
}

/** script(1) makes a terminal inside the machine: that of the host is not in the machine's /dev/pts. */
function onTerminal(argv: readonly string[]): string[] {
  return ['script', '--quiet', '--return', '--command', `exec ${printableCommand(argv)}`, '/dev/null'];
}
