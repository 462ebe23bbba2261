/**
 * What the agent reads of Kubernetes' objects, as the API server sends them. @kubernetes/client-node's models are of one
 * version each and hold dates where a watch gives text, so these few fields are written down here.
 */

export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
  };
}

export interface ServiceObject extends KubernetesObject {
  spec?: {
    type?: string;
    clusterIP?: string;
    clusterIPs?: string[];
    externalName?: string;
    publishNotReadyAddresses?: boolean;
    ports?: { name?: string; protocol?: string; port: number }[];
  };
}

/** discovery.k8s.io/v1, and v1beta1 as far as it is the same. */
export interface EndpointSliceObject extends KubernetesObject {
  addressType?: string;
  endpoints?:
    | {
        addresses?: string[];
        hostname?: string;
        conditions?: { ready?: boolean };
      }[]
    | null;
  ports?: { name?: string; protocol?: string; port?: number }[] | null;
}
