import { KnestError, printableCommand } from '../../errors.ts';
import { runAttached, runFollowed } from '../../host/follow.ts';
import { requireCluster } from '../../state/clusters.ts';
import { clusterKubeconfigPath } from '../admin-kubeconfig.ts';
import { kubectlPath, openManager, requireMachine, requireMachines } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { NodeRole } from '../../spec/types.ts';
import type { Context, NodeExit, NodeLine } from '../types.ts';

/** Runs a program in a node with this process's own streams; gives its exit code. */
export async function execInNode(
  options: Context & { node: string; argv: string[]; tty: boolean },
): Promise<number> {
  const session = openSession(options);
  const { machine } = await requireMachine(session, options.node);
  const manager = await openManager(session);
  const argv = options.tty ? onTerminal(options.argv) : options.argv;
  const { host, workstation, signal } = session;
  return runAttached(host, await manager.enterCommand(machine, argv, workstation.terminalType), { signal });
}

/**
 * Runs a program in several nodes side by side, without input, and hands on what it prints there line by line. A node
 * that does not run ends with 1 and a line about it, and keeps none of the others.
 * @throws KnestError kind "notFound", with all nodes that are not there
 */
export async function execInNodes(
  options: Context & { nodes: readonly string[]; argv: readonly string[]; onLine: (line: NodeLine) => void },
): Promise<NodeExit[]> {
  const session = openSession(options);
  const found = await requireMachines(session, options.nodes);
  const manager = await openManager(session);
  return Promise.all(
    found.map(async ({ machine }) => {
      const node = machine.name;
      try {
        const argv = await manager.enterCommand(machine, options.argv, 'dumb');
        const exitCode = await runFollowed(session.host, argv, {
          onLine: (stream, text) => {
            options.onLine({ node, stream, text });
          },
          signal: session.signal,
        });
        return { node, exitCode };
      } catch (error) {
        if (!(error instanceof KnestError)) throw error;
        options.onLine({ node, stream: 'stderr', text: error.message });
        return { node, exitCode: 1 };
      }
    }),
  );
}

/** Names of a cluster's nodes, all or of one role. @throws KnestError kind "notFound", also when there is none */
export async function selectNodes(options: Context & { name: string; role?: NodeRole }): Promise<string[]> {
  const { host, paths } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  const { role } = options;
  const names = plan.machines
    .filter((machine) => role === undefined || machine.role === role)
    .map(({ name }) => name);
  if (names.length > 0) return names;
  throw new KnestError(`cluster "${options.name}" has no ${role ?? 'node'}`, {
    code: 'NODE_NOT_FOUND',
    hint: `it has: ${plan.machines.map(({ name }) => name).join(', ')}`,
  });
}

export interface LogOptions extends Context {
  unit?: string;
  follow: boolean;
  lines?: number;
}

/** A node's journal, as journalctl(1) shows it. */
export async function nodeLogs(options: LogOptions & { node: string }): Promise<number> {
  return execInNode({ ...options, argv: journalCommand(options), tty: false });
}

/** Journals of several nodes side by side, see execInNodes. */
export async function nodesLogs(
  options: LogOptions & { nodes: readonly string[]; onLine: (line: NodeLine) => void },
): Promise<NodeExit[]> {
  return execInNodes({ ...options, argv: journalCommand(options) });
}

/**
 * Runs the kubectl of the cluster's own version on the user's terminal, as its administrator, in the user's environment.
 * @returns its exit code
 * @throws KnestError kind "notFound"
 */
export async function runKubectl(
  options: Context & { name: string; argv: readonly string[] },
): Promise<number> {
  const { host, paths, workstation, signal } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  const env = {
    // a locale is only set where the user has one
    LC_ALL: '',
    ...Object.fromEntries(Object.entries(workstation.env).map(([name, value]) => [name, value ?? ''])),
    KUBECONFIG: clusterKubeconfigPath(paths, options.name),
  };
  return runAttached(host, [kubectlPath(paths, plan), ...options.argv], { env, signal });
}

/** journalctl(1) in a node. */
export function journalCommand({
  unit,
  lines,
  follow,
}: Pick<LogOptions, 'unit' | 'lines' | 'follow'>): string[] {
  return [
    ...['journalctl', '--no-pager'],
    ...(unit === undefined ? [] : [`--unit=${unit}`]),
    ...(lines === undefined ? [] : [`--lines=${lines}`]),
    ...(follow ? ['--follow'] : []),
  ];
}

/** script(1) makes a terminal inside the machine: that of the host is not in the machine's /dev/pts. */
function onTerminal(argv: readonly string[]): string[] {
  return ['script', '--quiet', '--return', '--command', `exec ${printableCommand(argv)}`, '/dev/null'];
}
