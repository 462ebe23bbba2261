import { messageOf } from '../errors.ts';
import { withAdminClient } from './admin-client.ts';
import type { ConnectionOptions } from '../clients/https.ts';
import { readAggregatedApis } from './aggregated-apis.ts';
import type { AggregatedApi } from './aggregated-apis.ts';
import { readNodes } from './nodes.ts';
import type { KubernetesNode } from './nodes.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { ClusterPlan } from '../plan/types.ts';

export interface ApiServerAnswer {
  ok: boolean;
  /** What /readyz says, or why nobody says anything. */
  detail: string;
  /** Empty when it does not answer. */
  nodes: readonly KubernetesNode[];
  /** As empty. */
  apis: readonly AggregatedApi[];
}

/** Milliseconds for questions that may stay without an answer. */
const usualTimeout = 3_000;

/** How the API server is and which nodes it knows; that it does not answer is an answer, too. */
export async function askApiServer(
  plan: Pick<ClusterPlan, 'endpoint'>,
  material: KeyMaterial,
  options: ConnectionOptions,
): Promise<ApiServerAnswer> {
  try {
    const connection = { timeout: usualTimeout, ...options };
    return await withAdminClient(plan.endpoint, material, connection, async (client) => {
      const [ready, nodes, apis] = await Promise.all([
        client.get<string>('/readyz'),
        readNodes(client),
        readAggregatedApis(client),
      ]);
      return { ok: ready === 'ok', detail: ready, nodes, apis };
    });
  } catch (error) {
    return { ok: false, detail: messageOf(error), nodes: [], apis: [] };
  }
}
