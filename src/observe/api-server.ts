import { messageOf } from '../errors.ts';
import { apiClient } from '../clients/kubernetes.ts';
import { readNodes } from './nodes.ts';
import type { KubernetesNode } from './nodes.ts';
import type { Host } from '../host/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan } from '../plan/types.ts';

export interface ApiServerAnswer {
  ok: boolean;
  /** What /readyz says, or why nobody says anything. */
  detail: string;
  /** Empty when it does not answer. */
  nodes: readonly KubernetesNode[];
}

/** Milliseconds for questions that go without an answer if need be. */
const usualTimeout = 3_000;

/** How the API server is and which nodes it knows; that it does not answer is an answer, too. */
export async function askApiServer(
  host: Host,
  plan: Pick<ClusterPlan, 'endpoint'>,
  material: KeyMaterial,
  timeout = usualTimeout,
): Promise<ApiServerAnswer> {
  try {
    const client = apiClient(host, plan.endpoint, material, adminCertificate, timeout);
    try {
      const [ready, nodes] = await Promise.all([client.get('/readyz'), readNodes(client)]);
      return { ok: ready === 'ok', detail: String(ready), nodes };
    } finally {
      client.close();
    }
  } catch (error) {
    return { ok: false, detail: messageOf(error), nodes: [] };
  }
}
