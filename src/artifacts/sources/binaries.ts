/** The components that every source provides, by the names Kubernetes releases them under. */
export const kubernetesBinaries = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
] as const;

/** Where a Kubernetes layer holds them. */
export const binariesFolder = '/usr/local/bin';

/** "Kubernetes v1.20.2" (what `kubelet --version` says) -> "v1.20.2" */
export function parseKubeletVersion(output: string): string | undefined {
  return /^Kubernetes (v\S+)/m.exec(output)?.[1];
}
