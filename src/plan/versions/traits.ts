import { minor } from 'semver';

/** What differs between Kubernetes versions, as data: components ask here and nowhere else. */
export interface VersionTraits {
  /** kubelet --container-runtime=remote: needed while dockershim was the default (<= 1.23), gone in 1.27. */
  kubeletRemoteRuntimeFlag: boolean;
  /** containerRuntimeEndpoint in the KubeletConfiguration (>= 1.27); a flag before. */
  kubeletEndpointInConfig: boolean;
  /** --pod-infra-container-image keeps the pause image from garbage collection; gone in 1.35. */
  kubeletPauseImageFlag: boolean;
  /** The kubelet refuses cgroup v1 unless failCgroupV1: false (field since 1.31, refusing by default since 1.35). */
  kubeletFailCgroupV1: boolean;
  /** kube-controller-manager and kube-scheduler serve plain HTTP unless --port=0 (<= 1.22; flag gone in 1.24). */
  insecurePortFlag: boolean;
  /** The kubelet speaks CRI v1alpha2 only (< 1.23): containerd 2.x has dropped it. */
  criV1alpha2Only: boolean;
  /** kube-proxy's nftables mode is stable (>= 1.33). */
  proxyNftables: boolean;
  /** kube-proxy has an nftables mode without a feature gate (beta in 1.31). */
  proxyNftablesAvailable: boolean;
  /** Label of control-plane nodes: "master" as well until 1.23. */
  masterLabel: boolean;
  /** Keys of the taint that kubeadm gives control planes: "master" until 1.24, "control-plane" since 1.24. */
  controlPlaneTaints: readonly string[];
  /** Format of the settings of Pod Security Admission; undefined: it is not there (< 1.22). */
  podSecurityApi: 'v1alpha1' | 'v1beta1' | 'v1' | undefined;
  /** kubeadm's newest format of ClusterConfiguration. */
  kubeadmApi: 'v1beta2' | 'v1beta3' | 'v1beta4';
  /** CoreDNS of kubeadm, without the registry. */
  coreDnsImage: string;
  /** Dual stack is switched on by a feature gate (<= 1.20). */
  dualStackGate: boolean;
}

/** @param version as in "v1.20.2" */
export function versionTraits(version: string): VersionTraits {
  const release = minor(version.replace(/^v/, ''));
  return {
    kubeletRemoteRuntimeFlag: release <= 23,
    kubeletEndpointInConfig: release >= 27,
    kubeletPauseImageFlag: release <= 34,
    kubeletFailCgroupV1: release >= 31,
    insecurePortFlag: release <= 22,
    criV1alpha2Only: release < 23,
    proxyNftables: release >= 33,
    proxyNftablesAvailable: release >= 31,
    masterLabel: release <= 23,
    controlPlaneTaints: [
      ...(release >= 24 ? ['node-role.kubernetes.io/control-plane'] : []),
      ...(release <= 24 ? ['node-role.kubernetes.io/master'] : []),
    ],
    podSecurityApi: podSecurityApi(release),
    kubeadmApi: release >= 31 ? 'v1beta4' : release >= 22 ? 'v1beta3' : 'v1beta2',
    coreDnsImage: coreDnsImage(release),
    dualStackGate: release <= 20,
  };
}

/** Alpha, behind a feature gate, in 1.22; on by default since 1.23; stable since 1.25. */
function podSecurityApi(release: number): VersionTraits['podSecurityApi'] {
  if (release < 22) return undefined;
  return release === 22 ? 'v1alpha1' : release <= 24 ? 'v1beta1' : 'v1';
}

/** github.com/coredns/deployment, kubernetes/CoreDNS-k8s_version.md: the first release of Kubernetes that has each. */
const coreDnsVersions: readonly (readonly [since: number, image: string])[] = [
  [35, 'coredns/coredns:v1.13.1'],
  [34, 'coredns/coredns:v1.12.1'],
  [33, 'coredns/coredns:v1.12.0'],
  [31, 'coredns/coredns:v1.11.3'],
  [29, 'coredns/coredns:v1.11.1'],
  [27, 'coredns/coredns:v1.10.1'],
  [25, 'coredns/coredns:v1.9.3'],
  [23, 'coredns/coredns:v1.8.6'],
  [22, 'coredns/coredns:v1.8.4'],
  [21, 'coredns/coredns:v1.8.0'],
];

/** Before 1.21 it was called otherwise. */
function coreDnsImage(release: number): string {
  return coreDnsVersions.find(([since]) => release >= since)?.[1] ?? 'coredns:1.7.0';
}
