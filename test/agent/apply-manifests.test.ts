import { beforeEach, describe, expect, it } from 'vitest';

import { bringAbout, ownerLabel } from '../../src/agent/manifests/apply-manifests.ts';
import { ApiError } from '../../src/clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../src/clients/kubernetes/client.ts';
import type { KubernetesObject } from '../../src/clients/kubernetes/objects.ts';

/** What an API server has, by path, and what was asked of it. */
let objects: Map<string, KubernetesObject>;
let calls: string[];
/** Kinds that a CustomResourceDefinition brings. */
let custom: boolean;
let refuse: (path: string) => ApiError | undefined;

const core = [
  { name: 'configmaps', kind: 'ConfigMap', namespaced: true },
  { name: 'namespaces', kind: 'Namespace', namespaced: false },
  { name: 'namespaces/status', kind: 'Namespace', namespaced: false },
];

beforeEach(() => {
  objects = new Map();
  calls = [];
  custom = false;
  refuse = () => undefined;
});

const api: KubernetesClient = {
  endpoint: '',
  isListening: () => Promise.resolve(true),
  close: () => undefined,
  lines: () => Promise.reject(new Error('nobody watches')),
  create: () => Promise.reject(new Error('nothing is created')),
  replace: () => Promise.reject(new Error('nothing is replaced')),
  patch: () => Promise.reject(new Error('nothing is patched')),
  get: async <T>(path: string): Promise<T> => {
    await Promise.resolve();
    if (path === '/api/v1') return { resources: core } as T;
    if (path === '/apis/example.test/v1' && custom)
      return { resources: [{ name: 'widgets', kind: 'Widget', namespaced: true }] } as T;
    const found = objects.get(path);
    if (!found) throw new ApiError(404, `no ${path}`);
    return structuredClone(found) as T;
  },
  apply: async (path, object) => {
    await Promise.resolve();
    const error = refuse(path);
    if (error) throw error;
    calls.push(`APPLY ${path}`);
    objects.set(path, object as KubernetesObject);
  },
  delete: async (path) => {
    await Promise.resolve();
    calls.push(`DELETE ${path}`);
    if (!objects.delete(path.replace(/\?.*/, ''))) throw new ApiError(404, `no ${path}`);
  },
};

const map = (name: string, namespace?: string): KubernetesObject => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap' },
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});
const namespace: KubernetesObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const widget: KubernetesObject = { apiVersion: 'example.test/v1', kind: 'Widget', metadata: { name: 'w' } };
const pathOf = (name: string, of = 'default') => `/api/v1/namespaces/${of}/configmaps/${name}`;
const inventory = pathOf('knest-manifests', 'kube-system');
const applied = () => calls.filter((call) => call !== `APPLY ${inventory}`);

describe('manifests', () => {
  it('are applied in their order, each marked as ours, and noted before', async () => {
    await bringAbout(api, [namespace, map('a', 'shop'), map('b')]);
    expect(applied()).toEqual([
      'APPLY /api/v1/namespaces/shop',
      `APPLY ${pathOf('a', 'shop')}`,
      `APPLY ${pathOf('b')}`,
    ]);
    expect(calls[0]).toBe(`APPLY ${inventory}`);
    expect(objects.get(pathOf('b'))?.metadata?.labels).toEqual({ [ownerLabel]: 'manifests' });
  });

  it('that are none any more are deleted, the last ones first; what is not ours stays', async () => {
    await bringAbout(api, [namespace, map('a', 'shop'), map('b'), map('c')]);
    // somebody has made it anew since
    objects.set(pathOf('c'), map('c'));
    calls = [];
    await bringAbout(api, [map('b')]);
    expect(applied()).toEqual([
      `APPLY ${pathOf('b')}`,
      `DELETE ${pathOf('a', 'shop')}?propagationPolicy=Background`,
      'DELETE /api/v1/namespaces/shop?propagationPolicy=Background',
    ]);
    expect(objects.has(pathOf('c'))).toBe(true);
    calls = [];
    await bringAbout(api, []);
    expect(applied()).toEqual([`DELETE ${pathOf('b')}?propagationPolicy=Background`]);
    calls = [];
    await bringAbout(api, []);
    expect(applied()).toEqual([]);
  });

  it('wait for their kind, and keep none of the others', async () => {
    const done = bringAbout(api, [widget, map('definition')]);
    await expect.poll(() => applied()).toEqual([`APPLY ${pathOf('definition')}`]);
    custom = true;
    await done;
    expect(applied().at(-1)).toBe('APPLY /apis/example.test/v1/namespaces/default/widgets/w');
  });

  it('are tried again when they are refused', async () => {
    let refusals = 2;
    refuse = (path) =>
      path === pathOf('a') && refusals-- > 0 ? new ApiError(500, 'no webhook yet') : undefined;
    await bringAbout(api, [map('a')]);
    expect(applied()).toEqual([`APPLY ${pathOf('a')}`]);
  });

  it('of a kind that is gone are gone as well', async () => {
    custom = true;
    await bringAbout(api, [widget]);
    custom = false;
    calls = [];
    await bringAbout(api, []);
    expect(applied()).toEqual([]);
  });
});
