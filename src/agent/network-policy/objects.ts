/** What of policies, pods and namespaces decides who may talk to whom; as the API server sends them. */

import type { KubernetesObject } from '../kubernetes/objects.ts';

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** networking.k8s.io/v1 */
export interface NetworkPolicyObject extends KubernetesObject {
  spec?: {
    podSelector?: LabelSelector;
    policyTypes?: string[];
    ingress?: { from?: PeerObject[]; ports?: PortObject[] }[];
    egress?: { to?: PeerObject[]; ports?: PortObject[] }[];
  };
}

export interface PeerObject {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: { cidr: string; except?: string[] };
}

export interface PortObject {
  protocol?: string;
  /** A number, or the name of a container's port. */
  port?: number | string;
  endPort?: number;
}

export interface PodObject extends KubernetesObject {
  metadata?: KubernetesObject['metadata'] & { creationTimestamp?: string };
  spec?: {
    nodeName?: string;
    hostNetwork?: boolean;
    containers?: ContainerObject[];
    initContainers?: (ContainerObject & { restartPolicy?: string })[];
  };
  status?: { phase?: string; podIP?: string; podIPs?: { ip?: string }[] };
}

interface ContainerObject {
  ports?: { name?: string; containerPort: number; protocol?: string }[];
}

export interface EndpointsObject extends KubernetesObject {
  subsets?: {
    addresses?: { ip: string }[];
    ports?: { name?: string; port: number; protocol?: string }[];
  }[];
}
