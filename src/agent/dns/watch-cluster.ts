import { setTimeout as sleep } from 'node:timers/promises';

import type { Api } from '../kubernetes/api.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type { EndpointSliceObject, KubernetesObject, ServiceObject } from '../kubernetes/objects.ts';
import type { ClusterStore } from './store.ts';

/** Keeps a store as the API server has it. Returns when it is complete. */
export async function watchCluster(api: Api, store: ClusterStore): Promise<void> {
  const discovery = await discoveryVersion(api);
  await Promise.all([
    keepWatching<KubernetesObject>(api, '/api/v1/namespaces', {
      set: ({ metadata }) => {
        store.setNamespace(metadata?.name ?? '');
      },
      delete: ({ metadata }) => {
        store.deleteNamespace(metadata?.name ?? '');
      },
    }),
    keepWatching<ServiceObject>(api, '/api/v1/services', {
      set: store.setService,
      delete: store.deleteService,
    }),
    keepWatching<EndpointSliceObject>(api, `/apis/discovery.k8s.io/${discovery}/endpointslices`, {
      set: store.setSlice,
      delete: store.deleteSlice,
    }),
  ]);
  store.setComplete();
}

/** v1 since Kubernetes 1.21, v1beta1 until 1.24. */
async function discoveryVersion(api: Api): Promise<string> {
  for (;;) {
    try {
      const group = await api.get<{ versions: { version: string }[] }>('/apis/discovery.k8s.io');
      return group.versions.some(({ version }) => version === 'v1') ? 'v1' : 'v1beta1';
    } catch {
      // the API server is still starting, or does not know us yet
      await sleep(100);
    }
  }
}
