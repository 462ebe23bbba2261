import { messageOf } from '../errors.ts';
import { renderKubeconfig } from '../formats/kubeconfig.ts';
import type { KubeconfigInput } from '../formats/kubeconfig.ts';
import { requireMaterial } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan, Paths } from '../plan/types.ts';
import { clusterFolder } from '../state/clusters.ts';
import { kubeconfigPath, removeFromKubeconfig, replaceInKubeconfig } from '../workstation/kubeconfig.ts';
import type { Session } from './session.ts';

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

/** Writes a cluster's context anew: knest's own, and the user's where it is the usual one and has the context. */
export async function changeKubeconfigs(
  { host, paths, listener, workstation }: Session,
  plan: ClusterPlan,
  material: KeyMaterial,
): Promise<void> {
  const input = adminKubeconfig(plan, material);
  await host.writeFile(clusterKubeconfigPath(paths, plan.cluster), renderKubeconfig(input), 0o600);
  const path = kubeconfigPath(undefined, workstation.env);
  if (await replaceInKubeconfig(workstation.local, path, input)) return;
  const message = `${path} has no context ${plan.context}; where you have it: knest export kubeconfig`;
  listener({ type: 'note', level: 'info', message });
}

/** A kubeconfig that is broken, or held by somebody, keeps its context: no reason for the machines to stay. */
export async function forgetContext(
  { workstation, listener }: Session,
  { kubeconfig }: { kubeconfig?: string | false },
  context: string,
): Promise<void> {
  if (kubeconfig === false) return;
  const path = kubeconfigPath(kubeconfig, workstation.env);
  try {
    await removeFromKubeconfig(workstation.local, path, context);
  } catch (error) {
    const message = `context ${context} stays in ${path}: ${messageOf(error)}`;
    listener({ type: 'note', level: 'warning', message });
  }
}
