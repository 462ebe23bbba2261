import { setTimeout as sleep } from 'node:timers/promises';

import type { KubernetesClient } from '../../clients/kubernetes/client.ts';

/** Version of discovery.k8s.io: v1 since Kubernetes 1.21, v1beta1 until 1.24. Tries until the API server says so. */
export async function discoveryVersion(api: KubernetesClient): Promise<'v1' | 'v1beta1'> {
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
