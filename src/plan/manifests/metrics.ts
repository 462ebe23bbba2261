/** metrics.k8s.io as knest-agent answers it: how the API server finds it, who may read it, what the agent may do for it. */

import { binding, read } from './knest-agent.ts';
import type { Manifest } from './manifest.ts';

/** Members may do what the ClusterRole of this name allows: agents of control planes. */
export const metricsGroup = 'knest:metrics';

const apiServiceName = 'v1beta1.metrics.k8s.io';
const service = { name: 'knest-metrics', namespace: 'kube-system' };

/** What the API server wants to find in the certificate of whoever answers (kube-aggregator, BuildTransportConfig). */
export const metricsServerName = `${service.name}.${service.namespace}.svc`;

export const metricsObjects: Manifest[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: service,
    // Every API server asks the agent of its own machine. So nobody else can be asked, it works without kube-proxy, and
    // no list has to be kept of agents that live. The port is the APIService's.
    spec: { type: 'ExternalName', externalName: '127.0.0.1' },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: metricsGroup },
    rules: [
      { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['get', 'list'] },
      { apiGroups: [''], resources: ['nodes/stats'], verbs: ['get'] },
      { apiGroups: ['apiregistration.k8s.io'], resources: ['apiservices'], verbs: [...read, 'create'] },
      {
        apiGroups: ['apiregistration.k8s.io'],
        resources: ['apiservices'],
        resourceNames: [apiServiceName],
        verbs: ['patch'],
      },
    ],
  },
  binding('ClusterRole', metricsGroup),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: {
      // metrics-server's is system:aggregated-metrics-reader: whoever applies and deletes that one has it for himself
      name: 'knest:metrics-reader',
      labels: Object.fromEntries(
        ['view', 'edit', 'admin'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']),
      ),
    },
    rules: [{ apiGroups: ['metrics.k8s.io'], resources: ['nodes', 'pods'], verbs: read }],
  },
];

/**
 * The agent makes it, so that it can come back when a metrics-server is gone. Without caBundle, which an APIService cannot
 * have beside metrics-server's insecureSkipTLSVerify: applying metrics-server's manifests over this object would be refused.
 */
export function metricsApiService(port: number): Manifest {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: apiServiceName },
    spec: {
      ...{ group: 'metrics.k8s.io', version: 'v1beta1' },
      // metrics-server's
      ...{ groupPriorityMinimum: 100, versionPriority: 100 },
      service: { ...service, port },
    },
  };
}
