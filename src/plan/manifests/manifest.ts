/** A Kubernetes object as it is applied. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

export const rbacGroup = 'rbac.authorization.k8s.io';

/** Gives those subjects the role of the same name. */
export function bindRole(
  kind: 'Role' | 'ClusterRole',
  name: string,
  subject: object,
  namespace?: string,
): Manifest {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: `${kind}Binding`,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    roleRef: { apiGroup: rbacGroup, kind, name },
    subjects: [subject],
  };
}
