/** What metrics.k8s.io answers, as metrics-server does. Whether the user may ask, the API server has decided before. */

import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type {
  KubernetesObject,
  ListObject,
  NodeObject,
  PodObject,
} from '../../clients/kubernetes/objects.ts';
import { reasonOf } from '../log.ts';
import { resourceList } from './documents.ts';
import type { Kubelets } from './kubelets.ts';
import { groupVersion, nodeMetrics, podMetrics } from './usage.ts';

export interface Answer {
  status: number;
  body: object;
}

/** @param url path and query as the API server passes them on */
export async function answer(url: URL, api: KubernetesClient, kubelets: Kubelets): Promise<Answer> {
  const [group, version, ...path] = url.pathname.replace(/^\/apis\//, '').split('/');
  if (`${group}/${version}` !== groupVersion) return failure(404, 'NotFound', 'no such page');
  if (path.length === 0) return { status: 200, body: resourceList };
  if (url.searchParams.get('watch') === 'true')
    return failure(405, 'MethodNotAllowed', 'metrics cannot be watched');
  try {
    const body = await metricsAt(path, url.searchParams, api, kubelets);
    return body ? { status: 200, body } : failure(404, 'NotFound', `${path.join('/')} has no metrics`);
  } catch (error) {
    // a selector that is none, say: in the API server's words
    if (error instanceof ApiError && error.status < 500)
      return failure(error.status, reasons[error.status] ?? '', error.message);
    return failure(503, 'ServiceUnavailable', reasonOf(error));
  }
}

function metricsAt(
  path: readonly string[],
  query: URLSearchParams,
  api: KubernetesClient,
  kubelets: Kubelets,
): Promise<object | undefined> {
  const selection = selectionOf(query);
  const source = { api, kubelets };
  const [kind = '', namespace, resource, pod] = path;
  if (kind === 'nodes' && path.length === 1) return listNodes(source, selection);
  if (kind === 'nodes' && path.length === 2) return oneNode(source, namespace ?? '');
  if (kind === 'pods' && path.length === 1) return listPods(source, `/api/v1/pods?${selection}`);
  if (kind !== 'namespaces' || resource !== 'pods') return Promise.resolve(undefined);
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  if (path.length === 3) return listPods(source, `${pods}?${selection}`);
  return path.length === 4 ? onePod(source, `${pods}/${pod}`) : Promise.resolve(undefined);
}

/** The API server itself selects, from its memory: whatever selectors it knows by now. */
function selectionOf(query: URLSearchParams): string {
  const selection = new URLSearchParams({ resourceVersion: '0' });
  for (const key of ['labelSelector', 'fieldSelector']) {
    const value = query.get(key);
    if (value !== null && value !== '') selection.set(key, value);
  }
  return selection.toString();
}

interface Source {
  api: KubernetesClient;
  kubelets: Kubelets;
}

async function listNodes({ api, kubelets }: Source, selection: string): Promise<object> {
  const { items = [] } = await api.get<ListObject<NodeObject>>(`/api/v1/nodes?${selection}`);
  return list('NodeMetricsList', await Promise.all(items.map((node) => metricsOfNode(node, kubelets))));
}

async function oneNode({ api, kubelets }: Source, name: string): Promise<object | undefined> {
  return metricsOfNode(await api.get<NodeObject>(`/api/v1/nodes/${name}`), kubelets);
}

async function metricsOfNode(node: NodeObject, kubelets: Kubelets): Promise<object | undefined> {
  const usage = (await kubelets.usage(node))?.node;
  return usage && nodeMetrics(node.metadata ?? {}, usage, new Date());
}

async function listPods(source: Source, path: string): Promise<object> {
  const { items = [] } = await source.api.get<ListObject<PodObject>>(path);
  return list('PodMetricsList', await metricsOfPods(items, source));
}

async function onePod(source: Source, path: string): Promise<object | undefined> {
  const [found] = await metricsOfPods([await source.api.get<PodObject>(path)], source);
  return found;
}

/** Asks only the kubelets that have one of these pods. */
async function metricsOfPods(
  pods: readonly PodObject[],
  { api, kubelets }: Source,
): Promise<(object | undefined)[]> {
  const wanted = new Set(pods.flatMap(({ spec }) => spec?.nodeName ?? []));
  if (wanted.size === 0) return [];
  const { items = [] } = await api.get<ListObject<NodeObject>>('/api/v1/nodes?resourceVersion=0');
  const nodes = items.filter((node) => wanted.has(nameOf(node)));
  const usages = new Map(
    await Promise.all(nodes.map(async (node) => [nameOf(node), await kubelets.usage(node)] as const)),
  );
  const now = new Date();
  return pods.map(({ metadata = {}, spec }) => {
    const containers = usages.get(spec?.nodeName ?? '')?.pods.get(metadata.uid ?? '');
    return containers && podMetrics(metadata, containers, now);
  });
}

function nameOf({ metadata }: KubernetesObject): string {
  return metadata?.name ?? '';
}

function list(kind: string, items: readonly (object | undefined)[]): object {
  return {
    ...{ kind, apiVersion: groupVersion, metadata: {} },
    items: items.filter((item) => item !== undefined),
  };
}

/** As Kubernetes calls them (k8s.io/apimachinery, metav1.StatusReason). */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
};

export function failure(code: number, reason: string, message: string): Answer {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
  return { status: code, body };
}
