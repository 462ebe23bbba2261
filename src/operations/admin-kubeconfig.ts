import type { KubeconfigInput } from '../formats/kubeconfig.ts';
import { requireMaterial } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan, Paths } from '../plan/types.ts';
import { clusterFolder } from '../state/clusters.ts';

/** What the cluster's user gets. */
export function adminKubeconfig(plan: ClusterPlan, material: KeyMaterial): KubeconfigInput {
  return {
    name: plan.context,
    server: plan.server,
    authority: { pem: requireMaterial(material, 'ca.crt') },
    certificate: { pem: requireMaterial(material, `${adminCertificate}.crt`) },
    key: { pem: requireMaterial(material, `${adminCertificate}.key`) },
  };
}

/** A kubeconfig of the cluster alone, for whoever works on it through knest. */
export function clusterKubeconfigPath(paths: Paths, cluster: string): string {
  return `${clusterFolder(paths, cluster)}/kubeconfig`;
}
