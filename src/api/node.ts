/** A node of a cluster, as a thing to work with. */

import { deleteNodes } from '../operations/nodes/delete-nodes.ts';
import type { ClusterDescription, NodeDescription } from '../operations/inspect/describe-cluster.ts';
import { journalCommand } from '../operations/programs/exec.ts';
import { runInNode, startInNode } from '../operations/programs/run-program.ts';
import type { HostProcess } from '../host/types.ts';
import { restartNodes, startNodes, stopNodes } from '../operations/start-stop/single-nodes.ts';
import { KnestError } from '../errors.ts';
import type { NodeRole } from '../spec/types.ts';
import { orReason } from './errors.ts';
import { checked } from './exec.ts';
import type {
  CallOptions,
  DeleteNodesOptions,
  ExecOptions,
  ExecResult,
  LogsOptions,
  NodeSelector,
  Settings,
  SpawnOptions,
  WaitOptions,
} from './types.ts';

export interface ClusterNode {
  /** The machine's and the Node's: "demo-worker2". */
  readonly name: string;
  readonly cluster: string;
  readonly role: NodeRole;
  readonly address: string;
  /** One per family. */
  readonly addresses: readonly string[];
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  spawn(argv: readonly string[], options?: SpawnOptions): Promise<HostProcess>;
  logs(options?: LogsOptions): Promise<string>;
  /** @throws KnestError when etcd would lose its quorum, unless `force` */
  stop(options?: CallOptions & { force?: boolean }): Promise<void>;
  start(options?: WaitOptions): Promise<void>;
  restart(options?: WaitOptions): Promise<void>;
  delete(options?: DeleteNodesOptions): Promise<void>;
}

export function nodeHandle(node: NodeDescription, cluster: string, settings: Settings): ClusterNode {
  const { name, role, addresses } = node;
  const exec = async (argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> =>
    checked(
      { where: name, argv, ...(await runInNode({ ...settings, ...options, node: name, argv })) },
      options,
    );
  const nodes = [name];
  return {
    ...{ name, cluster, role, addresses },
    address: addresses[0] ?? '',
    exec,
    spawn: (argv, options) => startInNode({ ...settings, ...options, node: name, argv }),
    logs: async (options = {}) => {
      const { signal } = options;
      return (await exec(journalCommand({ ...options, follow: false }), signal ? { signal } : {})).stdout;
    },
    stop: (options) => orReason(options?.signal, stopNodes({ ...settings, ...options, nodes })),
    start: (options) => orReason(options?.signal, startNodes({ ...settings, ...options, nodes })),
    restart: (options) => orReason(options?.signal, restartNodes({ ...settings, ...options, nodes })),
    delete: async (options) => {
      await orReason(options?.signal, deleteNodes({ ...settings, ...options, name: cluster, nodes }));
    },
  };
}

/** @throws KnestError kind "notFound" */
export function selectNode({ name, nodes }: ClusterDescription, which: NodeSelector): NodeDescription {
  const wanted = typeof which === 'object' && 'name' in which ? which.name : which;
  const found = nodes.find((node) =>
    typeof wanted === 'string'
      ? node.name === wanted || node.name === `${name}-${wanted}`
      : node.role === wanted.role,
  );
  if (found) return found;
  const asked = typeof wanted === 'string' ? `node "${wanted}"` : wanted.role;
  throw new KnestError(`cluster "${name}" has no ${asked}`, {
    code: 'NODE_NOT_FOUND',
    hint: `it has: ${nodes.map((node) => node.name).join(', ')}`,
  });
}
