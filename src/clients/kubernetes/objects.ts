/**
 * What knest and its agent read of Kubernetes' objects, as the API server sends them. @kubernetes/client-node's models are of one
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
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    /** Who has set what (Kubernetes: "Server-Side Apply", "Field management"). */
    managedFields?: { manager?: string; fieldsV1?: unknown }[];
  };
}

/** NAMESPACE/NAME */
export function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** What the API server answers to a question for all objects of a kind. */
export interface ListObject<T> {
  metadata?: { resourceVersion?: string };
  items?: T[];
}

export interface ServiceObject extends KubernetesObject {
  spec?: {
    type?: string;
    clusterIP?: string;
    clusterIPs?: string[];
    externalName?: string;
    publishNotReadyAddresses?: boolean;
    ports?: { name?: string; protocol?: string; port: number }[];
    externalTrafficPolicy?: string;
    loadBalancerClass?: string;
    loadBalancerIP?: string;
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}

/** discovery.k8s.io/v1, and v1beta1 as far as it is the same. */
export interface EndpointSliceObject extends KubernetesObject {
  addressType?: string;
  endpoints?:
    | {
        addresses?: string[];
        hostname?: string;
        conditions?: { ready?: boolean };
        nodeName?: string;
        /** v1beta1; Kubernetes 1.20 has the node's name only here. */
        topology?: Record<string, string>;
      }[]
    | null;
  ports?: { name?: string; protocol?: string; port?: number }[] | null;
}

export interface NodeObject extends KubernetesObject {
  spec?: { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] };
  status?: {
    addresses?: { type: string; address: string }[];
    conditions?: NodeConditionObject[];
    nodeInfo?: { kubeletVersion?: string };
    /** Quantities: "3800m", "16374036Ki" */
    allocatable?: Record<string, string>;
    daemonEndpoints?: { kubeletEndpoint?: { Port?: number } };
  };
}

export interface NodeConditionObject {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastHeartbeatTime?: string;
}

export interface PodObject extends KubernetesObject {
  spec?: {
    nodeName?: string;
    hostNetwork?: boolean;
    containers?: ContainerObject[];
    initContainers?: (ContainerObject & { restartPolicy?: string })[];
  };
  status?: {
    phase?: string;
    reason?: string;
    podIP?: string;
    podIPs?: { ip?: string }[];
    containerStatuses?: ContainerStatusObject[];
  };
}

interface ContainerStatusObject {
  ready?: boolean;
  restartCount?: number;
  state?: { waiting?: { reason?: string }; terminated?: { reason?: string } };
}

interface ContainerObject {
  ports?: { name?: string; containerPort: number; protocol?: string }[];
}

export interface EndpointsObject extends KubernetesObject {
  subsets?: {
    addresses?: { ip: string; nodeName?: string }[];
    notReadyAddresses?: { ip: string }[];
    ports?: { name?: string; port: number; protocol?: string }[];
  }[];
}

/** v1 */
export interface EventObject extends KubernetesObject {
  involvedObject?: { kind?: string; name?: string; namespace?: string };
  reason?: string;
  message?: string;
  type?: string;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  /** What reports by events.k8s.io sets only this one. */
  eventTime?: string | null;
  count?: number;
}

/** metrics.k8s.io/v1beta1: NodeMetrics and PodMetrics. */
export interface MetricsObject extends KubernetesObject {
  usage?: Record<string, string>;
  containers?: { name?: string; usage?: Record<string, string> }[];
}

export interface ConfigMapObject extends KubernetesObject {
  data?: Record<string, string>;
}

export interface SecretObject extends KubernetesObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
}

/** networking.k8s.io/v1 */
export interface IngressObject extends KubernetesObject {
  spec?: {
    ingressClassName?: string;
    defaultBackend?: IngressBackendObject;
    tls?: { hosts?: string[]; secretName?: string }[];
    rules?: { host?: string; http?: { paths?: IngressPathObject[] } }[];
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}

export interface IngressPathObject {
  path?: string;
  pathType?: string;
  backend?: IngressBackendObject;
}

export interface IngressBackendObject {
  service?: { name: string; port?: { name?: string; number?: number } };
  resource?: { kind: string; name: string };
}

/** networking.k8s.io/v1 */
export interface IngressClassObject extends KubernetesObject {
  spec?: { controller?: string };
}

/** certificates.k8s.io/v1: CertificateSigningRequest */
export interface SigningRequestObject extends KubernetesObject {
  spec?: {
    /** PEM in base64, as the certificate below. */
    request: string;
    signerName: string;
    usages: readonly string[];
    /** Who asks; the API server sets it. */
    username?: string;
  };
  status?: {
    conditions?: { type: string; status?: string; reason?: string; message?: string }[];
    certificate?: string;
  };
}

/** coordination.k8s.io/v1 */
export interface LeaseObject extends KubernetesObject {
  spec?: { holderIdentity?: string; leaseDurationSeconds?: number; renewTime?: string };
}

export interface ClassObject extends KubernetesObject {
  provisioner?: string;
  reclaimPolicy?: string;
  volumeBindingMode?: string;
  /** A node must fit one of them, by all of its expressions. */
  allowedTopologies?: { matchLabelExpressions?: { key: string; values: string[] }[] }[];
}

export interface ClaimObject extends KubernetesObject {
  spec?: {
    accessModes?: string[];
    dataSource?: unknown;
    resources?: { requests?: Record<string, string> };
    selector?: unknown;
    storageClassName?: string;
    volumeMode?: string;
    volumeName?: string;
  };
  status?: { phase?: string };
}

export interface VolumeObject extends KubernetesObject {
  spec?: {
    accessModes?: string[];
    capacity?: Record<string, string>;
    claimRef?: {
      apiVersion?: string;
      kind?: string;
      namespace: string;
      name: string;
      uid?: string;
      resourceVersion?: string;
    };
    persistentVolumeReclaimPolicy?: string;
    storageClassName?: string;
    volumeMode?: string;
    local?: { path: string };
    nodeAffinity?: {
      required?: {
        nodeSelectorTerms: { matchExpressions?: { key: string; operator: string; values?: string[] }[] }[];
      };
    };
  };
  status?: { phase?: string };
}
