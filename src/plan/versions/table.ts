/**
 * What differs between Kubernetes' minor versions, with the source of every fact. traits.ts makes of it what components ask;
 * docs/versions.md shows it. A new version of Kubernetes: read its changelog, add what changed, raise `newestMinor`, run
 * `npm run docs`, and look at what changes in test/golden/minor-versions.
 */

import { holds } from './facts.ts';
import type { Topic } from './facts.ts';

const kubeletTypes = 'staging/src/k8s.io/kubelet/config/v1beta1/types.go';

/** The kubelet's flags and settings that knest writes. */
export const kubeletTopics = {
  kubeletRemoteRuntimeFlag: holds(
    'kubelet: needs `--container-runtime=remote`, as dockershim is its default',
    {
      until: 23,
      source: 'CHANGELOG-1.24: dockershim removed; the flag is gone in cmd/kubelet/app/options of v1.27',
    },
  ),
  kubeletEndpointInConfig: holds('kubelet: `containerRuntimeEndpoint` in its config file; a flag before', {
    since: 27,
    source: `${kubeletTypes} v1.27`,
  }),
  kubeletTaintsInConfig: holds(
    'kubelet: `registerWithTaints` in its config file, and `--register-with-taints` deprecated',
    { since: 23, source: `${kubeletTypes} v1.23; AddKubeletConfigFlags in cmd/kubelet/app/options v1.23` },
  ),
  kubeletPauseImageFlag: holds(
    'kubelet: `--pod-infra-container-image` keeps the sandbox image from garbage collection',
    { until: 34, source: 'CHANGELOG-1.35, Urgent Upgrade Notes: flag removed (#133779)' },
  ),
  kubeletFailCgroupV1: holds('kubelet: has `failCgroupV1`', { since: 31, source: `${kubeletTypes} v1.31` }),
  kubeletReadsServingAgain: holds(
    'kubelet: reads its serving certificate again when the file changes; restarted before',
    {
      since: 31,
      source:
        'pkg/features/kube_features.go v1.31: ReloadKubeletServerCertificateFile is beta, and on by default',
    },
  ),
  cgroupV1: {
    what: 'kubelet: what it thinks of cgroup v1',
    facts: [
      { until: 30, value: 'supported', source: 'KEP-4569' },
      { since: 31, until: 34, value: 'works, in maintenance mode', source: 'KEP-4569' },
      {
        since: 35,
        value: 'refused unless `failCgroupV1: false`, which knest writes',
        source: 'CHANGELOG-1.35, Deprecation: failCgroupV1 is true by default (#134298)',
      },
    ],
  } satisfies Topic<string>,
} as const;

/** How the kubelet and containerd understand each other. */
export const runtimeTopics = {
  criVersions: {
    what: 'kubelet: versions of the CRI that it speaks',
    facts: [
      { until: 22, value: ['v1alpha2'], source: 'CHANGELOG-1.23: the kubelet supports CRI v1' },
      { since: 23, until: 25, value: ['v1', 'v1alpha2'], source: 'CHANGELOG-1.23' },
      { since: 26, value: ['v1'], source: 'CHANGELOG-1.26: CRI v1alpha2 removed' },
    ],
  } satisfies Topic<readonly ('v1' | 'v1alpha2')[]>,
  runtimeConfig: {
    what: 'kubelet: asks the runtime for its cgroup driver (CRI call `RuntimeConfig`; containerd has it since 2.0)',
    facts: [
      { until: 27, value: 'never', source: 'KEP-4033' },
      { since: 28, until: 30, value: 'with a feature gate', source: 'KEP-4033: alpha' },
      {
        since: 31,
        until: 36,
        value: 'optional',
        source: 'KEP-4033: beta in v1.31, stable in v1.34; without it `cgroupDriver` of the config counts',
      },
      {
        since: 37,
        until: 37,
        value: 'optional for the last time',
        source:
          'getCgroupDriverFromCRI in cmd/kubelet/app/server.go: fallback to end in 1.38, not in 1.37 (#139121)',
      },
      { since: 38, value: 'required', source: 'announced: #139121; was put off twice before' },
    ],
  } satisfies Topic<'never' | 'with a feature gate' | 'optional' | 'optional for the last time' | 'required'>,
} as const;

/** Control planes: flags, labels, formats of files. */
export const controlPlaneTopics = {
  insecurePortFlag: holds(
    'kube-controller-manager, kube-scheduler: serve plain HTTP as well unless `--port=0`',
    { until: 22, source: '#96216 (v1.22), #96345 (v1.23); CHANGELOG-1.24: flag removed' },
  ),
  masterLabel: holds('kubeadm: label `node-role.kubernetes.io/master` on control planes as well', {
    until: 23,
    source: 'KEP-2067; CHANGELOG-1.24',
  }),
  controlPlaneTaints: {
    what: 'kubeadm: keys of the taints of control planes',
    facts: [
      { until: 23, value: ['node-role.kubernetes.io/master'], source: 'KEP-2067' },
      {
        since: 24,
        until: 24,
        value: ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'],
        source: 'KEP-2067; CHANGELOG-1.24',
      },
      {
        since: 25,
        value: ['node-role.kubernetes.io/control-plane'],
        source: 'KEP-2067; CHANGELOG-1.25',
      },
    ],
  } satisfies Topic<readonly string[]>,
  podSecurityApi: {
    what: 'kube-apiserver: format of the settings of Pod Security Admission (`podSecurity`)',
    facts: [
      { until: 21, value: 'none', source: 'KEP-2579' },
      { since: 22, until: 22, value: 'v1alpha1', source: 'KEP-2579: alpha, feature gate `PodSecurity`' },
      { since: 23, until: 24, value: 'v1beta1', source: 'KEP-2579: beta, on by default' },
      { since: 25, value: 'v1', source: 'KEP-2579: stable' },
    ],
  } satisfies Topic<'none' | 'v1alpha1' | 'v1beta1' | 'v1'>,
  kubeadmApi: {
    what: 'kubeadm: newest format of `ClusterConfiguration`, which knest leaves for tools that read it',
    facts: [
      { until: 21, value: 'v1beta2', source: 'cmd/kubeadm/app/apis/kubeadm v1.21' },
      { since: 22, until: 30, value: 'v1beta3', source: 'CHANGELOG-1.22' },
      { since: 31, value: 'v1beta4', source: 'CHANGELOG-1.31' },
    ],
  } satisfies Topic<'v1beta2' | 'v1beta3' | 'v1beta4'>,
  dualStackGate: holds('all: two address families need the feature gate `IPv6DualStack`', {
    until: 20,
    source: 'KEP-563: beta, on by default, in v1.21; stable in v1.23',
  }),
  kubeletSkew: {
    what: 'kubelet: how many minor versions older than kube-apiserver it may be',
    facts: [
      { until: 27, value: 2, source: 'kubernetes.io: "Version Skew Policy" v1.27' },
      {
        since: 28,
        value: 3,
        source: 'KEP-3935, CHANGELOG-1.28; MinimumKubeletVersion in cmd/kubeadm/app/constants/constants.go',
      },
    ],
  } satisfies Topic<number>,
} as const;

/** kube-proxy, whose settings have been kubeproxy.config.k8s.io/v1alpha1 all the time. */
export const proxyTopics = {
  proxyNftables: holds('kube-proxy: `nftables` is stable, and what `proxyMode: auto` means', {
    since: 33,
    source: 'KEP-3866, CHANGELOG-1.33',
  }),
  proxyNftablesAvailable: holds('kube-proxy: has `nftables` without a feature gate', {
    since: 31,
    source: 'KEP-3866: alpha in v1.29, beta in v1.31',
  }),
  proxyIpvsDeprecated: holds('kube-proxy: `ipvs` is deprecated', {
    since: 35,
    source: 'CHANGELOG-1.35, Deprecation (#134539)',
  }),
  proxyUserspace: holds('kube-proxy: has `userspace`, which knest does not offer', {
    until: 25,
    source: 'CHANGELOG-1.26',
  }),
} as const;

/** APIs of objects that knest makes and of those that knest-agent reads. */
export const apiTopics = {
  endpointSlices: {
    what: '`EndpointSlice`, which knest-agent watches: versions of its API (the agent asks which there are)',
    facts: [
      { until: 20, value: 'discovery.k8s.io/v1beta1', source: 'Deprecated API Migration Guide' },
      {
        since: 21,
        until: 24,
        value: 'discovery.k8s.io/v1, v1beta1',
        source: 'Deprecated API Migration Guide',
      },
      { since: 25, value: 'discovery.k8s.io/v1', source: 'Deprecated API Migration Guide, v1.25' },
    ],
  } satisfies Topic<string>,
  endpoints: {
    what: '`Endpoints` of v1, in which knest-agent enters itself for the Service kube-dns',
    facts: [
      { until: 32, value: 'as it was', source: 'CHANGELOG-1.33' },
      {
        since: 33,
        value: 'deprecated, will not be removed',
        source: 'CHANGELOG-1.33, Deprecation (#130098); KEP-4974',
      },
    ],
  } satisfies Topic<string>,
  otherApis: {
    what: 'All other objects that knest makes',
    facts: [
      {
        value: 'v1, apps/v1, rbac.authorization.k8s.io/v1, storage.k8s.io/v1, coordination.k8s.io/v1',
        source: 'staging/src/k8s.io/api: none of them was ever deprecated',
      },
    ],
  } satisfies Topic<string>,
} as const;
