import type { KubeconfigInput } from '../formats/kubeconfig.ts';
import { requireMaterial } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan } from '../plan/types.ts';

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
