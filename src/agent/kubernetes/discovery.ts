import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { pollUntil } from '../../poll.ts';

/** Version of discovery.k8s.io: v1 since Kubernetes 1.21, v1beta1 until 1.24. Tries until the API server says so. */
export function discoveryVersion(api: KubernetesClient): Promise<'v1' | 'v1beta1'> {
  return pollUntil({ interval: 100 }, async () => {
    try {
      const group = await api.get<{ versions: { version: string }[] }>('/apis/discovery.k8s.io');
      return { value: group.versions.some(({ version }) => version === 'v1') ? 'v1' : 'v1beta1' };
    } catch {
      // the API server is still starting, or does not know this agent yet
      return undefined;
    }
  });
}
