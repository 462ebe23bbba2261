/** What the library's calls take and give. */

import type { CaptureOptions, ProgramOptions, ProgramResult } from '../operations/programs/run-program.ts';
import type { Context, NewNodeOptions } from '../operations/types.ts';
import type { SpecFlags } from '../spec/load.ts';
import type { Config } from '../spec/schema.ts';
import type { ClusterSpec, NodeRole } from '../spec/types.ts';

export interface CallOptions {
  /** Stops the call. It then throws the signal's reason, once it has taken away what it had half made. */
  signal?: AbortSignal;
}

/** What a config file says, as an object; `apiVersion` and `kind` may be left out. See docs/reference/config.md. */
export type ClusterConfig = Omit<Config, 'apiVersion' | 'kind'> &
  Partial<Pick<Config, 'apiVersion' | 'kind'>>;

/** What a cluster is to be. Fields win over the config. */
export interface ClusterFields extends Pick<
  SpecFlags,
  | 'name'
  | 'kubernetesVersion'
  | 'source'
  | 'releaseMirror'
  | 'containerd'
  | 'runc'
  | 'cniPlugins'
  | 'etcd'
  | 'componentMirror'
  | 'suite'
  | 'mirror'
  | 'ipFamily'
  | 'proxyMode'
> {
  /** Default: the config's; without a config a random one. */
  name?: string;
  /** An object, or the path of a file: knest's own format, or kind's. */
  config?: ClusterConfig | string;
  /** All nodes together. Not beside `workers`. */
  nodes?: number;
  /** How many nodes are control planes. Default 1. */
  controlPlanes?: number;
  /** How many nodes are workers. Default 0. */
  workers?: number;
  manager?: ClusterSpec['manager'];
  /**
   * Path of the knest.lock that says what the nodes are made of; what differs from it is refused. Without it there is none:
   * one that lies beside the config is not looked for.
   */
  lock?: string;
  /** Archives of images (docker save, OCI layout) that the nodes have from their beginning. */
  images?: readonly string[];
  spec?: never;
}

/** A spec that is complete already. */
export type ClusterInput = ClusterFields | { spec: ClusterSpec };

/** Where a call acts and to whom it tells what happens. Default: this host, the environment's folders, nobody. */
export type Settings = Omit<Context, 'signal'>;

/**
 * A kubeconfig besides the cluster's own: the path of a file, or "user" for $KUBECONFIG by kubectl's rules, else
 * ~/.kube/config. It gets the cluster's context when the cluster is created and loses it when it is deleted.
 */
export interface KubeconfigOption {
  kubeconfig?: string;
}

export type CreateClusterOptions = ClusterInput &
  Settings &
  CallOptions &
  KubeconfigOption & {
    /** Milliseconds to wait for all nodes to be Ready; 0 does not wait. Default 5 minutes. */
    wait?: number;
    /** Keep what was made when creating fails, to look at it. */
    retain?: boolean;
    /** The end of an `await using` block leaves the cluster; delete() still deletes it. */
    keep?: boolean;
    /** May install missing packages on the host. */
    installPackages?: boolean;
  };

export type PlanClusterOptions = ClusterInput & Settings & CallOptions;

export type GetClusterOptions = Settings & KubeconfigOption & { keep?: boolean };

/** The first node that fits: by its name, with or without the cluster's ("worker2"), by its role, or itself. */
export type NodeSelector = string | { name: string } | { role: NodeRole };

export interface WaitOptions extends CallOptions {
  /** Milliseconds to wait for the nodes to be Ready; 0 does not wait. Default 5 minutes. */
  wait?: number;
}

export interface AddNodesOptions extends WaitOptions, NewNodeOptions {
  /** Default: worker. */
  role?: NodeRole;
  /** Default 1. */
  count?: number;
  /** Keep what was made when adding fails. */
  retain?: boolean;
  /** false: they are not made by the lock of the cluster, but of what there is now. Default true. */
  lock?: boolean;
}

export interface DeleteNodesOptions extends CallOptions {
  /** Also when pods cannot be evicted, or when etcd would lose its quorum. */
  force?: boolean;
  /** Milliseconds that evicting the pods of a node may take. Default one minute. */
  drainTimeout?: number;
}

export interface LoadOptions extends CallOptions {
  /** Only into these nodes. */
  nodes?: readonly NodeSelector[];
}

export interface LogsOptions extends CallOptions {
  /** Only this unit: "kubelet". */
  unit?: string;
  /** Only the last lines. */
  lines?: number;
}

export interface ExecOptions extends CallOptions, ProgramOptions, CaptureOptions {
  /** false: an exit code other than 0, and a time-out, are results and not errors. Default true. */
  reject?: boolean;
}

export interface SpawnOptions extends CallOptions, ProgramOptions {}

export interface ExecResult extends ProgramResult {
  /** The node that it ran in; "kubectl" runs where the cluster is: the cluster's name. */
  where: string;
  argv: readonly string[];
}
