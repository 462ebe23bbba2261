import { minorOf, valueAt } from './facts.ts';
import { kubeadmTopics } from './kubeadm-images.ts';
import { controlPlaneTopics, kubeletTopics, proxyTopics, runtimeTopics } from './table.ts';

/** What differs between Kubernetes versions: components ask here and nowhere else. The facts are in table.ts. */
export interface VersionTraits {
  /** kubelet --container-runtime=remote. */
  kubeletRemoteRuntimeFlag: boolean;
  /** containerRuntimeEndpoint in the KubeletConfiguration; a flag before. */
  kubeletEndpointInConfig: boolean;
  /** registerWithTaints in the KubeletConfiguration; a flag before. */
  kubeletTaintsInConfig: boolean;
  /** --pod-infra-container-image keeps the pause image from garbage collection. */
  kubeletPauseImageFlag: boolean;
  /** The KubeletConfiguration has failCgroupV1. */
  kubeletFailCgroupV1: boolean;
  /** The kubelet goes on with a new serving certificate without a restart. */
  kubeletReadsServingAgain: boolean;
  /** kube-controller-manager and kube-scheduler serve plain HTTP unless --port=0. */
  insecurePortFlag: boolean;
  /** Versions of the container runtime interface that the kubelet speaks. */
  criVersions: readonly ('v1' | 'v1alpha2')[];
  /** Whether the kubelet needs the CRI call RuntimeConfig. */
  runtimeConfig: ReturnType<typeof runtimeConfigAt>;
  /** kube-proxy's nftables mode is stable. */
  proxyNftables: boolean;
  /** kube-proxy has an nftables mode without a feature gate. */
  proxyNftablesAvailable: boolean;
  /** kube-proxy's ipvs mode will be removed some day. */
  proxyIpvsDeprecated: boolean;
  /** Label of control-plane nodes: "master" as well. */
  masterLabel: boolean;
  /** Keys of the taints that kubeadm gives control planes. */
  controlPlaneTaints: readonly string[];
  /** Format of the settings of Pod Security Admission; undefined: it is not there. */
  podSecurityApi: 'v1alpha1' | 'v1beta1' | 'v1' | undefined;
  /** kubeadm's newest format of ClusterConfiguration. */
  kubeadmApi: 'v1beta2' | 'v1beta3' | 'v1beta4';
  /** CoreDNS of kubeadm, without the registry. */
  coreDnsImage: string;
  /** Dual stack is switched on by a feature gate. */
  dualStackGate: boolean;
  /** How many minor versions older than an API server of this version a kubelet may be. */
  kubeletSkew: number;
}

/**
 * Versions that are newer than the table have the traits of the newest that it knows.
 * @param version as in "v1.20.2"; not older than 1.20
 */
export function versionTraits(version: string): VersionTraits {
  const minor = minorOf(version);
  const podSecurityApi = valueAt(controlPlaneTopics.podSecurityApi, minor);
  return {
    kubeletRemoteRuntimeFlag: valueAt(kubeletTopics.kubeletRemoteRuntimeFlag, minor),
    kubeletEndpointInConfig: valueAt(kubeletTopics.kubeletEndpointInConfig, minor),
    kubeletTaintsInConfig: valueAt(kubeletTopics.kubeletTaintsInConfig, minor),
    kubeletPauseImageFlag: valueAt(kubeletTopics.kubeletPauseImageFlag, minor),
    kubeletFailCgroupV1: valueAt(kubeletTopics.kubeletFailCgroupV1, minor),
    kubeletReadsServingAgain: valueAt(kubeletTopics.kubeletReadsServingAgain, minor),
    insecurePortFlag: valueAt(controlPlaneTopics.insecurePortFlag, minor),
    criVersions: valueAt(runtimeTopics.criVersions, minor),
    runtimeConfig: runtimeConfigAt(minor),
    proxyNftables: valueAt(proxyTopics.proxyNftables, minor),
    proxyNftablesAvailable: valueAt(proxyTopics.proxyNftablesAvailable, minor),
    proxyIpvsDeprecated: valueAt(proxyTopics.proxyIpvsDeprecated, minor),
    masterLabel: valueAt(controlPlaneTopics.masterLabel, minor),
    controlPlaneTaints: valueAt(controlPlaneTopics.controlPlaneTaints, minor),
    podSecurityApi: podSecurityApi === 'none' ? undefined : podSecurityApi,
    kubeadmApi: valueAt(controlPlaneTopics.kubeadmApi, minor),
    coreDnsImage: valueAt(kubeadmTopics.coreDnsImage, minor),
    dualStackGate: valueAt(controlPlaneTopics.dualStackGate, minor),
    kubeletSkew: valueAt(controlPlaneTopics.kubeletSkew, minor),
  };
}

function runtimeConfigAt(minor: number) {
  return valueAt(runtimeTopics.runtimeConfig, minor);
}
