/**
 * What was known of the cluster, kept in a file: an agent that starts while the API server is away answers as it did
 * before, and not SERVFAIL.
 */

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { log, reasonOf } from '../log.ts';
import { clusterStore } from './store.ts';
import type { ClusterStore, ClusterView, StoreContent } from './store.ts';

/** Raised when older agents could not read it; what cannot be read is as good as nothing. */
const format = 1;

interface SavedFile extends StoreContent {
  format: number;
}

/** Milliseconds between two looks for changes. Not after each: a rollout changes something ten times a second. */
const interval = 2000;

export interface SavedCluster {
  /** What to answer from: the store, or until that is complete, what was saved. */
  view: ClusterView;
  /** Saves the last changes, and no more. */
  stop: () => Promise<void>;
}

/** Begins to save what a store knows, and offers what was saved last. */
export async function savedCluster(
  path: string,
  store: ClusterStore,
  every = interval,
): Promise<SavedCluster> {
  const content = await load(path);
  const before = content && clusterStore(content);
  if (before) log.info('answering from what was known before, until the API server has been asked');
  const current = (): ClusterView => (before && !store.complete ? before : store);

  let saved: number | undefined;
  let failed = false;
  const save = async (): Promise<void> => {
    if (!store.complete || saved === store.generation) return;
    const { generation } = store;
    try {
      await replace(path, JSON.stringify({ format, ...store.content() } satisfies SavedFile));
      saved = generation;
      failed = false;
    } catch (error) {
      if (!failed) log.warning(`saving what is known of the cluster: ${reasonOf(error)}`);
      failed = true;
    }
  };
  let saving = Promise.resolve();
  const queue = (): Promise<void> => (saving = saving.then(save));
  const timer = setInterval(() => void queue(), every);
  timer.unref();

  return {
    view: {
      get complete() {
        return current().complete;
      },
      hasNamespace: (namespace) => current().hasNamespace(namespace),
      service: (namespace, name) => current().service(namespace, name),
      endpoints: (service) => current().endpoints(service),
      namesOf: (address) => current().namesOf(address),
    },
    stop: async () => {
      clearInterval(timer);
      await queue();
    },
  };
}

async function load(path: string): Promise<StoreContent | undefined> {
  try {
    const saved = JSON.parse(await readFile(path, 'utf8')) as SavedFile;
    return saved.format === format ? saved : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warning(`${path}: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Whole or not at all. A machine that loses power loses the file at worst. */
async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
