/** The plan: everything that `create` will do, as data. `knest plan` prints it; apply/ carries it out unchanged. */

import type { NodeRole } from '../spec/types.ts';

/** Where knest keeps things on a host. */
export interface Paths {
  /** KNEST_STATE_DIR, /var/lib/knest: clusters, machines, keys. */
  state: string;
  /** KNEST_CACHE_DIR, /var/cache/knest: what can be made again; clusters stand on its layers while they live. */
  cache: string;
}

/** A command on the host. Running it twice must do no harm, or `unless` says when it is not needed. */
export interface PlannedCommand {
  /** Why, for a reader of the plan. */
  why: string;
  argv: readonly string[];
  /** Text for standard input. */
  input?: string;
  /** Skip the command when this one exits 0. */
  unless?: readonly string[];
  /** A failure does not matter (tearing down what may be gone). */
  mayFail?: boolean;
}

/** A kernel setting that the host must hold. What is found is given back when the host's last cluster is deleted. */
export interface PlannedSysctl {
  key: string;
  /** The value when the plan was made; equal to `to` where nothing has to change. */
  from: string;
  to: string;
  /** equal: the reader insists on this value. at-least: a higher one is as good, and is never lowered. */
  rule: 'equal' | 'at-least';
  why: string;
}

/**
 * What a file holds: text, a symbolic link, key material by name (plans never contain secrets), or a file that comes
 * with knest, by name.
 */
export type FileContent =
  { text: string } | { link: string } | { pki: string } | { asset: 'knest-agent.mjs' };

export interface PlannedFile {
  /** Absolute; for a machine's files as seen inside the machine. */
  path: string;
  mode: number;
  content: FileContent;
}

/** A systemd unit inside a machine, written to /etc/systemd/system. */
export interface PlannedUnit {
  name: string;
  text: string;
  /** Target that pulls it in, e.g. "k8s.target"; undefined: only started by others. */
  wantedBy?: string;
}

export interface PlannedAuthority {
  /** File name without extension below pki/, e.g. "etcd-ca". */
  name: string;
  commonName: string;
}

export interface PlannedCertificate {
  /** File name without extension: <name>.crt and <name>.key. */
  name: string;
  authority: string;
  commonName: string;
  organizations: readonly string[];
  usages: readonly ('server' | 'client')[];
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
}

export interface PkiPlan {
  authorities: readonly PlannedAuthority[];
  certificates: readonly PlannedCertificate[];
  /** Bare key pairs: <name>.pub and <name>.key (service account tokens). */
  keyPairs: readonly string[];
}

/** A question with a yes-or-no answer that says whether a component works; asked inside the machine. */
export interface Probe {
  /** A sentence: "etcd answers". */
  says: string;
  unit: string;
  argv: readonly string[];
}

/** What one component (etcd, kubelet, ...) contributes to one machine. */
export interface ComponentPlan {
  files: readonly PlannedFile[];
  units: readonly PlannedUnit[];
  certificates: readonly PlannedCertificate[];
  probes: readonly Probe[];
}

/** A read-only directory tree in the cache, named by what made it. Machines are overlays of layers. */
export type PlannedLayer =
  | {
      kind: 'rootfs';
      /** Directory name below <cache>/layers. */
      id: string;
      suite: string;
      /** undefined: the bootstrap tool's default mirror. */
      mirror: string | undefined;
      securityMirror: string | undefined;
      packages: readonly string[];
      /** Programs that must exist in the result, or the build has failed. */
      requires: readonly string[];
      proxy: string | undefined;
    }
  | { kind: 'kubernetes'; id: string; version: string; source: ResolvedSource };

/** Where the Kubernetes binaries come from, decided. */
export type ResolvedSource =
  | { kind: 'release'; baseUrl: string }
  | { kind: 'debian'; suite: string; mirror: string | undefined; proxy: string | undefined }
  | { kind: 'directory'; directory: string; digest: string };

export interface ResolvedKubernetes {
  /** "v1.20.2" */
  version: string;
  source: ResolvedSource;
  /** Layer id, content-addressed: same id, same binaries. */
  layerId: string;
  /** Why this source: "dl.k8s.io does not answer (ENOTFOUND)". */
  reason: string;
}

export interface PlannedBind {
  source: string;
  target: string;
}

/** How the `direct` manager runs a machine. */
export interface LaunchPlan {
  /** Script that puts itself into the machine's cgroups and becomes systemd-nspawn; can be run by hand. */
  path: string;
  script: string;
  /** Holds "<pid> <start time> <boot id>" while the machine runs. */
  pidFile: string;
  /** What systemd-nspawn and the machine's console print. */
  logFile: string;
  /** Own cgroups, one per hierarchy; removed with the machine. */
  cgroups: readonly string[];
  argv: readonly string[];
}

export interface NodePatch {
  metadata: { labels: Readonly<Record<string, string>> };
  spec: { podCIDR: string; podCIDRs: readonly string[] };
}

export interface MachinePlan {
  /** Machine name, host name and Kubernetes node name. */
  name: string;
  role: NodeRole;
  address: string;
  prefixLength: number;
  gateway: string;
  podSubnet: string;
  /** Folder with everything of this machine on the host. */
  folder: string;
  /** Overlay: lower layers (topmost first) below upper, mounted at root. */
  root: string;
  upper: string;
  work: string;
  layers: readonly string[];
  binds: readonly PlannedBind[];
  files: readonly PlannedFile[];
  units: readonly PlannedUnit[];
  probes: readonly Probe[];
  /** Merged into the Node object once it has registered: what a kubelet may not say of itself. */
  nodePatch: NodePatch;
  launch: LaunchPlan;
}

export interface HostPlan {
  sysctls: readonly PlannedSysctl[];
  /** Run in order before the machines start. */
  setup: readonly PlannedCommand[];
  /** Run in order after the machines are gone; each may find nothing left to do. */
  teardown: readonly PlannedCommand[];
}

export interface ClusterPlan {
  /** Format of this plan, raised when readers must change. */
  version: 1;
  cluster: string;
  kubernetesVersion: string;
  kubernetesReason: string;
  manager: 'direct' | 'systemd';
  /** https://ADDRESS:PORT of the API server. */
  endpoint: string;
  context: string;
  network: { bridge: string; nodeSubnet: string; podSubnet: string; serviceSubnet: string };
  layers: readonly PlannedLayer[];
  pki: PkiPlan;
  host: HostPlan;
  machines: readonly MachinePlan[];
}
