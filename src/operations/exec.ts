import { KnestError, printableCommand } from '../errors.ts';
import { runFollowed } from '../host/follow.ts';
import { runAttached } from '../host/local.ts';
import { clusterFolder, requireCluster } from '../state/clusters.ts';
import { kubectlPath, openManager, requireMachine, requireMachines } from './find-machines.ts';
import { openSession } from './session.ts';
import type { NodeRole } from '../spec/types.ts';
import type { Context, NodeExit, NodeLine } from './types.ts';

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
        const exitCode = await runFollowed(argv, {
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

/** kubectl of the cluster's own version, as its administrator. @throws KnestError kind "notFound" */
export async function kubectlCommand(
  options: Context & { name: string },
): Promise<{ argv: string[]; env: Record<string, string> }> {
  const { host, paths } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  return {
    argv: [kubectlPath(paths, plan)],
    env: { KUBECONFIG: `${clusterFolder(paths, options.name)}/kubeconfig` },
  };
}

function journalCommand({ unit, lines, follow }: LogOptions): string[] {
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
