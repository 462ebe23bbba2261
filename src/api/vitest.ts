/** knest/vitest: a cluster for the tests of a file. docs/library.md shows it. */

import { afterAll, afterEach, beforeAll } from 'vitest';

import { KnestError, messageOf } from '../errors.ts';
import { keepsFailures } from '../workstation/keep.ts';
import type { Cluster } from './cluster.ts';
import { createCluster } from './create.ts';
import { randomName } from './names.ts';
import { reuseCluster } from './reuse.ts';
import type { CreateClusterOptions, ExecResult } from './types.ts';

export type UseClusterOptions = CreateClusterOptions & {
  /**
   * true: the cluster stays after the tests, and the next file or run with the same options finds it as they left it.
   * A text does the same, and only files with this text share it. Default: a new cluster that is deleted.
   */
  reuse?: boolean | string;
  /** Lines of each node's journal, and of the events, that are printed when a test fails. Default 40. */
  logLines?: number;
  /** Milliseconds that making it may take. Default 30 minutes: on a new machine Kubernetes may have to be compiled. */
  hookTimeout?: number;
};

/** Milliseconds that deleting it, or gathering its logs, may take. */
const afterTimeout = 5 * 60_000;

/**
 * A cluster that is made before the tests of this file (or `describe`) and deleted after them. When a test fails, the
 * logs of its nodes are printed with it; with KNEST_KEEP=failure the cluster is kept then.
 * @returns the cluster, to use within tests and hooks
 */
export function useCluster(options: UseClusterOptions = {}): Cluster {
  const { reuse = false, logLines = 40, hookTimeout = 30 * 60_000, ...wanted } = options;
  let cluster: Cluster | undefined;
  let failed = false;
  beforeAll(async () => {
    try {
      cluster = await open({ ...wanted, retain: wanted.retain ?? keepsFailures() }, reuse);
    } catch (error) {
      // Vitest prints the message alone
      if (error instanceof KnestError) console.error([...error.details, error.hint ?? ''].join('\n'));
      throw error;
    }
  }, hookTimeout);
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail' || !cluster) return;
    failed = true;
    console.error(await clusterLogs(cluster, logLines));
  }, afterTimeout);
  afterAll(async () => {
    if (!cluster || reuse !== false || options.keep) return;
    if (failed && keepsFailures()) {
      console.error(`KNEST_KEEP: cluster "${cluster.name}" is kept: knest get nodes --name ${cluster.name}`);
    } else {
      await cluster.delete();
    }
  }, afterTimeout);
  return new Proxy({} as Cluster, {
    get: (_, key) => {
      if (cluster) return Reflect.get(cluster, key) as unknown;
      // asked of everything that is awaited
      if (key === 'then') return undefined;
      throw new Error(
        `useCluster: the cluster is there in tests and hooks only, not yet for "${String(key)}"`,
      );
    },
  });
}

function open(options: CreateClusterOptions, reuse: boolean | string): Promise<Cluster> {
  if (reuse !== false) return reuseCluster(options, reuse === true ? undefined : reuse);
  if (options.spec !== undefined || options.name !== undefined || options.config !== undefined) {
    return createCluster(options);
  }
  return createCluster({ ...options, name: randomName('test') });
}

/** What a cluster says of itself, for whoever wants to know why a test failed. */
async function clusterLogs(cluster: Cluster, lines: number): Promise<string> {
  const limits = { timeout: 20_000, reject: false };
  const nodes = await cluster.nodes();
  const parts = [
    ...nodes.map((node) => ({
      title: `journal of ${node.name}`,
      get: () => node.exec(['journalctl', '--no-pager', `--lines=${lines}`], limits),
    })),
    { title: 'pods', get: () => cluster.kubectl(['get', 'pods', '-A', '-o', 'wide'], limits) },
    {
      title: 'events',
      get: () => cluster.kubectl(['get', 'events', '-A', '--sort-by=.lastTimestamp'], limits),
    },
  ];
  const texts = await Promise.all(
    parts.map(async ({ title, get }) => `--- ${title}\n${await textOf(get, lines)}`),
  );
  return [`Cluster "${cluster.name}" when the test had failed:`, ...texts].join('\n');
}

/** A node that does not run must not hide what the others say. */
async function textOf(get: () => Promise<ExecResult>, lines: number): Promise<string> {
  try {
    const { stdout, stderr } = await get();
    return [stdout, stderr]
      .filter((text) => text !== '')
      .join('\n')
      .split('\n')
      .slice(-lines)
      .join('\n');
  } catch (error) {
    return messageOf(error);
  }
}
