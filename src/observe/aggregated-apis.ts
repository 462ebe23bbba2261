import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import type { KubernetesObject, ListObject } from '../clients/kubernetes/objects.ts';

/** An API that another API server answers, behind the cluster's own (Kubernetes: "API Aggregation Layer"). */
export interface AggregatedApi {
  /** Of the APIService: "v1beta1.metrics.k8s.io" */
  name: string;
  /** NAMESPACE/NAME of the Service that leads to it. */
  service: string;
  ok: boolean;
  /** Why the API server cannot ask it; else "". */
  detail: string;
}

interface ApiServiceObject extends KubernetesObject {
  spec?: { service?: { namespace?: string; name?: string } | null };
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}

/** All of them. One that does not answer is a trouble for everybody: namespaces cannot be deleted meanwhile. */
export async function readAggregatedApis(client: Pick<KubernetesClient, 'get'>): Promise<AggregatedApi[]> {
  const path = '/apis/apiregistration.k8s.io/v1/apiservices';
  const { items = [] } = await client.get<ListObject<ApiServiceObject>>(path);
  return items.flatMap(({ metadata, spec, status }) => {
    const { service } = spec ?? {};
    if (!service) return [];
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    const ok = available?.status === 'True';
    return {
      ...{ name: metadata?.name ?? '', service: `${service.namespace}/${service.name}`, ok },
      detail: ok ? '' : (available?.message ?? 'the API server has not asked it yet'),
    };
  });
}
