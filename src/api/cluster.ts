/** A cluster that is there, as a thing to work with. */

import type { Readable } from 'node:stream';

import { renewCertificates } from '../operations/certificates/renew.ts';
import type { RenewedCertificates } from '../operations/certificates/renew.ts';
import { addNodes } from '../operations/nodes/add-nodes.ts';
import { deleteCluster } from '../operations/delete/delete-cluster.ts';
import { deleteNodes } from '../operations/nodes/delete-nodes.ts';
import { describeCluster } from '../operations/inspect/describe-cluster.ts';
import type { ClusterDescription } from '../operations/inspect/describe-cluster.ts';
import { clusterKubeconfig } from '../operations/inspect/get.ts';
import { loadImageArchive } from '../operations/images/load-images.ts';
import type { LoadedImage } from '../operations/images/load-images.ts';
import { captureKubectl } from '../operations/programs/run-program.ts';
import type { HostProcess } from '../host/types.ts';
import { restartCluster, startCluster, stopCluster } from '../operations/start-stop/clusters.ts';
import { clusterStatus } from '../operations/inspect/status.ts';
import type { ClusterStatus } from '../operations/types.ts';
import type { NodeRole } from '../spec/types.ts';
import { checked } from './exec.ts';
import { orReason } from './errors.ts';
import { nodeHandle, selectNode } from './node.ts';
import type { ClusterNode } from './node.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import type {
  AddNodesOptions,
  CallOptions,
  DeleteNodesOptions,
  ExecOptions,
  ExecResult,
  GetClusterOptions,
  LoadOptions,
  LogsOptions,
  NodeSelector,
  Settings,
  SpawnOptions,
  WaitOptions,
} from './types.ts';

export interface Cluster extends AsyncDisposable {
  readonly name: string;
  /** Its context in kubeconfigs: "knest-NAME". */
  readonly context: string;
  /** URL of the API. */
  readonly endpoint: string;
  readonly kubernetesVersion: string;
  /** Path of a kubeconfig of this cluster alone. */
  readonly kubeconfig: string;
  /** The same as text. */
  kubeconfigText(): Promise<string>;
  /** All of its nodes, or those of one role. */
  nodes(filter?: { role?: NodeRole }): Promise<ClusterNode[]>;
  /** @throws KnestError kind "notFound" */
  node(which: NodeSelector): Promise<ClusterNode>;
  /**
   * Runs a program in a node to its end.
   * @throws ExecError when it exits with another code than 0 or takes too long, unless `reject` is false
   */
  exec(node: NodeSelector, argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Starts a program in a node and gives its streams. */
  spawn(node: NodeSelector, argv: readonly string[], options?: SpawnOptions): Promise<HostProcess>;
  /** Runs the kubectl that fits the cluster, as its administrator. @throws ExecError as exec */
  kubectl(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Brings images from archives (docker save, OCI layout; compressed or not) into the nodes. */
  load(archives: string | Readable | readonly string[], options?: LoadOptions): Promise<LoadedImage[]>;
  /** Adds nodes and returns when they are Ready. @returns the new ones */
  addNodes(options?: AddNodesOptions): Promise<ClusterNode[]>;
  /** Evicts their pods, and takes the nodes away. */
  deleteNodes(nodes: NodeSelector | readonly NodeSelector[], options?: DeleteNodesOptions): Promise<void>;
  /** Powers all machines off; the cluster stays. */
  stop(options?: CallOptions): Promise<void>;
  /** Starts what does not run, and waits for its nodes. */
  start(options?: WaitOptions): Promise<void>;
  restart(options?: WaitOptions): Promise<void>;
  status(options?: CallOptions): Promise<ClusterStatus>;
  /** Renews all certificates now, that of the kubeconfig included. */
  renewCertificates(options?: CallOptions): Promise<RenewedCertificates>;
  /** The journal of a node, or of one of its units. */
  logs(node: NodeSelector, options?: LogsOptions): Promise<string>;
  /** Deletes the cluster with everything in it. Again is no error, also after a failure. */
  delete(options?: CallOptions): Promise<void>;
}

/** @param description what is written down of it now */
export function clusterHandle(description: ClusterDescription, options: GetClusterOptions): Cluster {
  const { kubeconfig, keep = false, ...settings } = options;
  const known = { now: description };
  const { name } = description;
  const of = ({ signal }: CallOptions = {}): Settings & CallOptions & { name: string } => ({
    ...settings,
    ...(signal && { signal }),
    name,
  });
  const look = async (): Promise<ClusterDescription> => (known.now = await describeCluster(of()));
  const find = async (which: NodeSelector): Promise<ClusterNode> =>
    nodeHandle(selectNode(await look(), which), name, settings);
  const remove = (call?: CallOptions): Promise<unknown> =>
    orReason(call?.signal, deleteCluster({ ...of(call), ...kubeconfigFor(kubeconfig) }));
  return {
    name,
    context: description.context,
    kubernetesVersion: description.kubernetesVersion,
    kubeconfig: description.kubeconfig,
    get endpoint() {
      return known.now.endpoint;
    },
    kubeconfigText: () => clusterKubeconfig(of()),
    nodes: async ({ role } = {}) =>
      (await look()).nodes
        .filter((node) => role === undefined || node.role === role)
        .map((node) => nodeHandle(node, name, settings)),
    node: find,
    exec: async (node, argv, call) => (await find(node)).exec(argv, call),
    spawn: async (node, argv, call) => (await find(node)).spawn(argv, call),
    logs: async (node, call) => (await find(node)).logs(call),
    kubectl: async (argv, call = {}) =>
      checked(
        {
          where: name,
          argv: ['kubectl', ...argv],
          ...(await captureKubectl({ ...call, ...of(call), argv })),
        },
        call,
      ),
    ...changes(of, look, find),
    status: (call) => clusterStatus(of(call)),
    renewCertificates: (call) => orReason(call?.signal, renewCertificates(of(call))),
    delete: async (call) => {
      await remove(call);
    },
    [Symbol.asyncDispose]: async () => {
      if (!keep) await remove();
    },
  };
}

type Changes = Pick<Cluster, 'load' | 'addNodes' | 'deleteNodes' | 'stop' | 'start' | 'restart'>;

/** What makes another cluster of it. */
function changes(
  of: (call?: CallOptions) => Settings & CallOptions & { name: string },
  look: () => Promise<ClusterDescription>,
  find: (which: NodeSelector) => Promise<ClusterNode>,
): Changes {
  const names = async (which: readonly NodeSelector[]): Promise<string[]> =>
    (await Promise.all(which.map(find))).map((node) => node.name);
  /** Addresses may be others after it. */
  const power = async ({ signal, wait }: WaitOptions, work: typeof startCluster): Promise<void> => {
    await orReason(
      signal,
      work({ ...of({ ...(signal && { signal }) }), ...(wait !== undefined && { wait }) }),
    );
    await look();
  };
  return {
    load: async (archives, { nodes, signal } = {}) => {
      const options = { ...of({ ...(signal && { signal }) }), ...(nodes && { nodes: await names(nodes) }) };
      if (typeof archives === 'string') return loadImageArchive({ ...options, files: [archives] });
      if ('pipe' in archives) return loadImageArchive({ ...options, files: ['-'], stdin: archives });
      return loadImageArchive({ ...options, files: archives });
    },
    addNodes: async ({ role = 'worker', count = 1, signal, wait, retain, lock, ...own } = {}) => {
      const added = await orReason(
        signal,
        addNodes({
          ...of({ ...(signal && { signal }) }),
          ...{ role, count, changes: own },
          ...(wait !== undefined && { wait }),
          ...(retain !== undefined && { retain }),
          ...(lock !== undefined && { lock }),
        }),
      );
      return Promise.all(added.nodes.map(find));
    },
    deleteNodes: async (which, { signal, ...options } = {}) => {
      const nodes = await names(Array.isArray(which) ? which : [which as NodeSelector]);
      await orReason(signal, deleteNodes({ ...of({ ...(signal && { signal }) }), ...options, nodes }));
    },
    stop: async (call = {}) => {
      await orReason(call.signal, stopCluster(of(call)));
    },
    start: (call = {}) => power(call, startCluster),
    restart: (call = {}) => power(call, restartCluster),
  };
}
