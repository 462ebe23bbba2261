/** Versions of Kubernetes' APIs that are gone, and what takes their place. */

import { minorOf } from './facts.ts';

export interface RemovedApi {
  /** "" is the core group. */
  group: string;
  version: string;
  resources: readonly string[];
  /** The first minor version without it: 22 of 1.22. */
  removed: number;
  /** "networking.k8s.io/v1"; undefined: nothing does. */
  instead: string | undefined;
}

const guide = 'kubernetes.io: "Deprecated API Migration Guide"';

/** Of the versions that knest makes clusters of. */
export const removedApis: readonly (RemovedApi & { source: string })[] = [
  ...gone(22, 'v1beta1', {
    'admissionregistration.k8s.io': ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
    'apiextensions.k8s.io': ['customresourcedefinitions'],
    'apiregistration.k8s.io': ['apiservices'],
    'authentication.k8s.io': ['tokenreviews'],
    'authorization.k8s.io': [
      ...['localsubjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      'subjectaccessreviews',
    ],
    'certificates.k8s.io': ['certificatesigningrequests'],
    'coordination.k8s.io': ['leases'],
    'networking.k8s.io': ['ingresses', 'ingressclasses'],
    'rbac.authorization.k8s.io': ['clusterrolebindings', 'clusterroles', 'rolebindings', 'roles'],
    'scheduling.k8s.io': ['priorityclasses'],
    'storage.k8s.io': ['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments'],
  }),
  {
    ...{ group: 'extensions', version: 'v1beta1', resources: ['ingresses'], removed: 22 },
    ...{ instead: 'networking.k8s.io/v1', source: guide },
  },
  ...gone(25, 'v1beta1', {
    batch: ['cronjobs'],
    'discovery.k8s.io': ['endpointslices'],
    'events.k8s.io': ['events'],
    'node.k8s.io': ['runtimeclasses'],
    policy: ['poddisruptionbudgets'],
  }),
  {
    ...{ group: 'policy', version: 'v1beta1', resources: ['podsecuritypolicies'], removed: 25 },
    ...{ instead: undefined, source: guide },
  },
  {
    ...{ group: 'autoscaling', version: 'v2beta1', resources: ['horizontalpodautoscalers'], removed: 25 },
    ...{ instead: 'autoscaling/v2', source: guide },
  },
  {
    ...{ group: 'autoscaling', version: 'v2beta2', resources: ['horizontalpodautoscalers'], removed: 26 },
    ...{ instead: 'autoscaling/v2', source: guide },
  },
  ...gone(27, 'v1beta1', { 'storage.k8s.io': ['csistoragecapacities'] }),
  ...flowControl('v1beta1', 26, 'v1beta2'),
  ...flowControl('v1beta2', 29, 'v1'),
  ...flowControl('v1beta3', 32, 'v1'),
];

/** The entry for an API that is asked for; undefined: this table does not know it. */
export function removedApi(group: string, version: string, resource: string): RemovedApi | undefined {
  return removedApis.find(
    (one) => one.group === group && one.version === version && one.resources.includes(resource),
  );
}

/** Kinds of objects that are there before a version and not in it, under no other name. */
export function kindsWithoutSuccessor(from: string, to: string): RemovedApi[] {
  return removedApis.filter(
    ({ removed, instead }) => instead === undefined && minorOf(from) < removed && minorOf(to) >= removed,
  );
}

/** With v1 of the same group in its place. */
function gone(
  removed: number,
  version: string,
  groups: Readonly<Record<string, readonly string[]>>,
): (RemovedApi & { source: string })[] {
  return Object.entries(groups).map(([group, resources]) => ({
    ...{ group, version, resources, removed, instead: `${group}/v1`, source: guide },
  }));
}

function flowControl(version: string, removed: number, instead: string): (RemovedApi & { source: string })[] {
  const group = 'flowcontrol.apiserver.k8s.io';
  const resources = ['flowschemas', 'prioritylevelconfigurations'];
  return [{ group, version, resources, removed, instead: `${group}/${instead}`, source: guide }];
}
