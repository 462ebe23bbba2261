import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { discoveryVersion } from '../kubernetes/discovery.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type {
  EndpointSliceObject,
  KubernetesObject,
  ServiceObject,
} from '../../clients/kubernetes/objects.ts';
import type { ClusterStore } from './store.ts';

/** Keeps a store as the API server has it. Returns when it is complete. */
export async function watchCluster(api: KubernetesClient, store: ClusterStore): Promise<void> {
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
