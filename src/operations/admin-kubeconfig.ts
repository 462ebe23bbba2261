import { messageOf } from '../errors.ts';
import { renderKubeconfig } from '../formats/kubeconfig.ts';
import type { KubeconfigInput } from '../formats/kubeconfig.ts';
import { requireMaterial } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan, Paths } from '../plan/types.ts';
import { clusterFolder } from '../state/clusters.ts';
import { addToKubeconfig, removeFromKubeconfig, replaceInKubeconfig } from '../workstation/kubeconfig.ts';
import { kubeconfigPaths } from '../workstation/kubeconfig-paths.ts';
import type { Session } from './session.ts';

/**
 * What the cluster's user gets.
 * @param internal with the API's address as nodes and pods see it, where the host has another way (network.apiServer.port)
 */
export function adminKubeconfig(
  plan: ClusterPlan,
  material: KeyMaterial,
  { internal = false }: { internal?: boolean } = {},
): KubeconfigInput {
  return {
    name: plan.context,
    server: internal ? plan.endpoint : plan.server,
    authority: { pem: requireMaterial(material, 'ca.crt') },
    certificate: { pem: requireMaterial(material, `${adminCertificate}.crt`) },
    key: { pem: requireMaterial(material, `${adminCertificate}.key`) },
  };
}

/** A kubeconfig of the cluster alone, for whoever works on it through knest. */
export function clusterKubeconfigPath(paths: Paths, cluster: string): string {
  return `${clusterFolder(paths, cluster)}/kubeconfig`;
}

/** Gives the user's kubeconfig the cluster's context, and says who else may read it then. */
export async function addContext(
  { listener, workstation }: Session,
  path: string,
  input: KubeconfigInput,
): Promise<void> {
  for (const message of await addToKubeconfig(workstation, path, input)) {
    listener({ type: 'note', level: 'warning', message });
  }
}

/** Writes a cluster's context anew: knest's own, and the user's in the usual files that have it. */
export async function changeKubeconfigs(
  { host, paths, listener, workstation }: Session,
  plan: ClusterPlan,
  material: KeyMaterial,
): Promise<void> {
  const input = adminKubeconfig(plan, material);
  await host.writeFile(clusterKubeconfigPath(paths, plan.cluster), renderKubeconfig(input), 0o600);
  const usual = kubeconfigPaths(undefined, workstation.env);
  let found = false;
  for (const path of usual) if (await replaceInKubeconfig(workstation, path, input)) found = true;
  if (found) return;
  const message = `no context ${plan.context} in ${usual.join(', ')}; where you have it: knest export kubeconfig`;
  listener({ type: 'note', level: 'info', message });
}

/**
 * Takes the context out of every file that may have it: which one it went into depends on what there was then. One that
 * is broken, or held by somebody, keeps its context: no reason for the machines to stay.
 */
export async function forgetContext(
  { workstation, listener }: Session,
  { kubeconfig }: { kubeconfig?: string | false },
  context: string,
): Promise<void> {
  if (kubeconfig === false) return;
  for (const path of kubeconfigPaths(kubeconfig, workstation.env)) {
    try {
      await removeFromKubeconfig(workstation, path, context);
    } catch (error) {
      const message = `context ${context} stays in ${path}: ${messageOf(error)}`;
      listener({ type: 'note', level: 'warning', message });
    }
  }
}
