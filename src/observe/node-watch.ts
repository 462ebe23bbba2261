import { watchSeconds } from '../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import type { NodeObject } from '../clients/kubernetes/objects.ts';
import { pause } from '../poll.ts';
import { parseNode } from './nodes.ts';
import type { KubernetesNode } from './nodes.ts';

/** What the API server tells of the Node objects of a cluster as they change: one request, however many nodes wait. */
export interface NodeWatch {
  /** Asks for it, unless that was done. To be called once the API server listens. */
  open(): void;
  /** The API server has taken the request and has not ended it: what changes is told. */
  isOpen(): boolean;
  /** What was told of a node last; undefined when nothing was. */
  latest(name: string): KubernetesNode | undefined;
  /** Aborted when the next thing is told, or the watch ends. Taken before `latest`, it lets nothing be missed. */
  next(): AbortSignal;
  close(): void;
}

/** Milliseconds until a watch that has ended, or was refused, is asked for again. */
const pauseBetween = 1000;

const query = `watch=true&timeoutSeconds=${watchSeconds}`;

interface WatchEvent {
  type: string;
  object?: NodeObject;
}

/**
 * Never fails: what a watch does not tell (it was refused, or has ended), the caller asks for himself. Without
 * resourceVersion it begins with what is there (Kubernetes: "API Concepts", "Semantics for watch").
 */
export function watchNodes(client: Pick<KubernetesClient, 'lines'>): NodeWatch {
  const nodes = new Map<string, KubernetesNode>();
  const end = new AbortController();
  let open = false;
  let started = false;
  let waiting = new AbortController();

  const tell = (): void => {
    const told = waiting;
    waiting = new AbortController();
    told.abort();
  };
  const take = (line: string): void => {
    const { type, object } = JSON.parse(line) as WatchEvent;
    // an error, of a version that is too old say, ends the watch anyway
    if (object?.metadata?.name === undefined || type === 'ERROR') return;
    if (type === 'DELETED') nodes.delete(object.metadata.name);
    else nodes.set(object.metadata.name, parseNode(object));
    tell();
  };
  const keep = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const onOpen = (): void => {
        open = true;
      };
      const watched = { onOpen, onLine: take, signal: end.signal };
      await client.lines(`/api/v1/nodes?${query}`, watched).catch(() => undefined);
      open = false;
      // an object of long ago must not stand for what is there now
      nodes.clear();
      tell();
      await pause(pauseBetween, end.signal).catch(() => undefined);
    }
  };
  return {
    open: () => {
      if (!started) void keep();
      started = true;
    },
    isOpen: () => open,
    latest: (name) => nodes.get(name),
    next: () => waiting.signal,
    close: () => {
      end.abort();
    },
  };
}
