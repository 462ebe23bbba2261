/** What the user wants: read from a config file and flags, complete and validated. */

import type { Lock } from './lock.ts';
import type {
  componentNames,
  componentSources,
  dnsProviders,
  hostPathTypes,
  ipFamilies,
  managers,
  mountPropagations,
  nodeRoles,
  podNetworks,
  protocols,
  proxyModes,
  sources,
  taintEffects,
  volumeCreations,
} from './words.ts';

export type NodeRole = (typeof nodeRoles)[number];

/** dual: IPv4 first, then IPv6. */
export type IpFamily = (typeof ipFamilies)[number];

/** auto: release when it answers, else debian. Otherwise an absolute path to a directory of binaries. */
export type KubernetesSource = (typeof sources)[number] | { directory: string };

/** What nodes need besides Kubernetes, by its key in the config file. */
export type ComponentName = (typeof componentNames)[number];

/** auto: the suite's where it is good enough, else a release. Otherwise an absolute path to a directory of binaries. */
export type ComponentSource = (typeof componentSources)[number] | { directory: string };

/** Where a component is to come from. */
export interface ComponentOrigin {
  source: ComponentSource;
  /** "2.3.4"; undefined: the one that goes with the node's Kubernetes, or what the directory has. */
  version: string | undefined;
}

export interface Taint {
  key: string;
  value: string;
  effect: (typeof taintEffects)[number];
}

/** What is at a path of the host. "": whatever is there, else a directory is made, as Docker does it. */
export type HostPathType = (typeof hostPathTypes)[number];

/** A file or directory of the host that a node sees as well; kind's words. */
export interface ExtraMount {
  hostPath: string;
  /** Where the node sees it. */
  containerPath: string;
  readOnly: boolean;
  /** None: what is mounted there later stays on its side. HostToContainer: what the host mounts there, the node sees. */
  propagation: (typeof mountPropagations)[number];
  /** undefined: anything, but it must be there. */
  type?: HostPathType | undefined;
}

/** A port of the host that leads to a port of a node; kind's words. */
export interface PortMapping {
  /** Port of the node. */
  containerPort: number;
  /** Port of the host; undefined: one that is free. */
  hostPort: number | undefined;
  /** Address of the host, 127.0.0.1 included; undefined: every address. */
  listenAddress: string | undefined;
  protocol: (typeof protocols)[number];
}

/** What a node may use at most; undefined: all that the host has. */
export interface NodeResources {
  /** Processors; fractions are fine. */
  cpus: number | undefined;
  /** Bytes. */
  memory: number | undefined;
  /** Processes and threads. */
  tasks: number | undefined;
  /** Share of the disks, 1 to 10000, where the kernel divides them; everything else has 100. */
  ioWeight: number | undefined;
}

/** More flags of a component, by name without dashes: { "v": "4" }. They win over knest's own. */
export type ExtraArgs = Readonly<Record<string, string>>;

/** A path of the node that a component sees elsewhere (kubeadm's extraVolumes). */
export interface ExtraVolume {
  hostPath: string;
  mountPath: string;
  readOnly: boolean;
  /** Made when missing. */
  create: (typeof volumeCreations)[number];
}

export interface ComponentSettings {
  extraArgs: ExtraArgs;
  extraVolumes: readonly ExtraVolume[];
}

/** A JSON merge patch (RFC 7386) for a component's configuration file. */
export type ConfigPatch = Readonly<Record<string, unknown>>;

export interface NodeSpec {
  /** Machine, host and node name: NAME-control-plane, NAME-worker2, ... */
  name: string;
  role: NodeRole;
  labels: Readonly<Record<string, string>>;
  /** control-plane: those that kubeadm puts on control planes, by the node's Kubernetes version. */
  taints: 'control-plane' | readonly Taint[];
  /** Debian suite; undefined: the cluster's. */
  suite: string | undefined;
  /** undefined: the cluster's. */
  kubernetes: { version: string | undefined; source: KubernetesSource } | undefined;
  resources: NodeResources;
  extraMounts: readonly ExtraMount[];
  /** Device nodes of the host that the node gets; folders and patterns (/dev/dri/*) stand for all that fit. */
  devices?: readonly string[];
  /** GPUs and the like, by the descriptions that their drivers leave on the host (Container Device Interface). */
  cdi?: boolean;
  extraPortMappings: readonly PortMapping[];
  /** Of this node's kubelet, over the cluster's. */
  kubelet: { extraArgs: ExtraArgs; config: ConfigPatch };
}

export interface NetworkSpec {
  /** macvlan: nodes are hosts of the LAN behind a link of the host. host: the only node shares the host's own network. */
  mode: 'bridge' | 'host' | { macvlan: string };
  /** host: the host's address that the node has; undefined: the source of its default route. */
  hostAddress: string | undefined;
  /** macvlan: nodes get their addresses, and the router, from the DHCP server of the LAN. */
  dhcp: boolean;
  /** macvlan: the router of the LAN; undefined: nodes reach the LAN only. */
  gateway: string | undefined;
  ipFamily: IpFamily;
  /** CIDRs, one per family in the order of ipFamily; undefined: the first of knest's own that are free on the host. */
  nodeSubnets: readonly string[] | undefined;
  podSubnets: readonly string[] | undefined;
  serviceSubnets: readonly string[] | undefined;
  /** bridge: CNI's own plugins, with a pod subnet per node. none: the user applies a network add-on. */
  cni: (typeof podNetworks)[number];
  /** NetworkPolicies are enforced by knest-agent. Never with cni `none`: its add-on does that. */
  networkPolicy: boolean;
  /** auto: nftables where the Kubernetes version has it as stable, else iptables. none: no kube-proxy. */
  proxyMode: (typeof proxyModes)[number];
  loadBalancer: {
    /** Ranges that Services of type LoadBalancer get addresses from; undefined: what the node subnet has to spare. */
    addresses: readonly string[] | undefined;
  };
  /** Search domains of the nodes; undefined: the host's. */
  dnsSearch: readonly string[] | undefined;
  apiServer: {
    /** With DHCP: an address of the LAN for the API; undefined: that of the only control plane. */
    address: string | undefined;
    /** Where the host offers the API as well, for the kubeconfig; undefined: only the cluster's own address. */
    listenAddress: string | undefined;
    /** undefined: one that is free, where listenAddress is given. */
    port: number | undefined;
    /** More names and addresses in the API server's certificate. */
    certSANs: readonly string[];
  };
}

/** Settings of single components, for all nodes. */
export interface ComponentsSpec {
  etcd: ComponentSettings;
  kubeApiserver: ComponentSettings;
  kubeControllerManager: ComponentSettings;
  kubeScheduler: ComponentSettings;
  kubelet: { extraArgs: ExtraArgs; config: ConfigPatch };
  kubeProxy: { extraArgs: ExtraArgs; config: ConfigPatch };
  /** config.toml of containerd: tables to merge into it, in this order. */
  containerd: { configPatches: readonly ConfigPatch[] };
  /** Where these come from; what is not named: auto. */
  sources?: Readonly<Partial<Record<ComponentName, ComponentOrigin>>>;
  /** Base URL of a mirror of their projects' releases, with GitHub's layout. */
  mirror?: string;
}

/** A registry that belongs to the cluster. */
export interface RegistrySpec {
  /** undefined: one that runs in the cluster. Otherwise as nodes reach it: "http://192.0.2.5:5000". */
  address: string | undefined;
  /** Names of images begin with localhost:PORT; undefined: with the host of the address. */
  port: number | undefined;
}

/** How a registry is reached, or a mirror of one. */
export interface RegistryAccess {
  /** As names of images begin, or the host of a mirror; "*": all that have no entry. */
  host: string;
  mirrors: readonly string[];
  /** PEM; before the cluster is created it may also be the path of a file. */
  ca: string | undefined;
  skipVerify: boolean;
  credentials: { username: string; password: string } | undefined;
}

export interface ProxySpec {
  http: string | undefined;
  https: string | undefined;
  noProxy: readonly string[];
}

/** An archive of images that nodes have from their beginning. */
export interface ImageArchiveSpec {
  file: string;
  /** Once it was read: what is in it. */
  content?: {
    /** sha256 of the archive, not compressed, as hexadecimal digits. */
    digest: string;
    /** Names of its images. */
    images: readonly string[];
  };
}

/** A container runtime that pods choose by its RuntimeClass. */
export interface RuntimeSpec {
  /** Of the RuntimeClass, and of containerd's handler. */
  name: string;
  /** In the nodes: a program that is called as runc is, or a shim of containerd's (containerd-shim-NAME-v2). */
  path: string;
}

/** An object of Kubernetes that is applied as it is. */
export interface ManifestObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/** Objects that the cluster has from its beginning. */
export interface ManifestSource {
  /** Absolute path of a file or folder, or a URL. */
  from: string;
  /** Once it was read. */
  objects?: readonly ManifestObject[];
}

/** Who answers the names of the cluster. */
export interface DnsSpec {
  /** knest: knest-agent. coredns: CoreDNS in pods. none: the user brings something for the Service's address. */
  provider: (typeof dnsProviders)[number];
  /** Of CoreDNS; undefined: the one that kubeadm has for the Kubernetes version. */
  image: string | undefined;
  /** Domains with name servers of their own: "corp.example": ["192.0.2.53", "192.0.2.54:5353"] */
  stubDomains: Readonly<Record<string, readonly string[]>>;
  /** Extra names with their addresses. */
  hosts: Readonly<Record<string, readonly string[]>>;
  /** Name servers for everything else; undefined: the nodes'. */
  upstream: readonly string[] | undefined;
}

/** What the API servers write down of requests. */
export interface AuditSpec {
  /** A Policy of audit.k8s.io/v1; undefined: knest's own, who did what and when. */
  policy: ConfigPatch | undefined;
  /** Days that old files are kept, how many of them, and megabytes of each. */
  maxAge: number;
  maxBackups: number;
  maxSize: number;
}

/** What pods may be where their namespace says nothing (Kubernetes: "Pod Security Admission"). */
export interface PodSecuritySpec {
  /** Kubernetes' own words: { enforce: "baseline", "enforce-version": "latest" } */
  defaults: Readonly<Record<string, string>>;
  exemptions: {
    usernames: readonly string[];
    namespaces: readonly string[];
    runtimeClasses: readonly string[];
  };
}

/** Backups that the control planes make by themselves. */
export interface BackupSpec {
  /** "30m", "6h", "1d" */
  every: string;
  /** How many of the cluster's are left in the folder. */
  keep: number;
  /** Absolute path of a folder of the host. */
  to: string;
}

/** Seconds. */
export interface CertificatesSpec {
  validity: number;
  /** Of those who sign them. */
  authorityValidity: number;
  /** What a certificate may have left when it is renewed. */
  renewBefore: number;
}

export interface ClusterSpec {
  name: string;
  kubernetes: {
    /** "v1.20.2", or what stands for one: see kubernetes-version.ts. undefined: whatever the source gives by default. */
    version: string | undefined;
    source: KubernetesSource;
    /** Base URL of a dl.k8s.io-like server for source `release`. */
    releaseMirror: string | undefined;
    /** For every component that knows them. */
    featureGates: Readonly<Record<string, boolean>>;
    /** API groups and versions: { "api/alpha": "true" } (kube-apiserver --runtime-config). */
    runtimeConfig: Readonly<Record<string, string>>;
  };
  image: {
    /** Debian suite of the nodes' root file system: trixie, bookworm, ... */
    suite: string;
    /** Debian mirror; undefined: the host's own, else the bootstrap tool's default. */
    mirror: string | undefined;
    /** Debian packages besides those that a node needs. */
    packages?: readonly string[];
    /** What the nodes' layers are made of, where that is settled: from knest.lock. */
    lock?: Lock;
  };
  manager: (typeof managers)[number];
  /** Hash (crypt(5)) of root's password in the nodes; undefined: root cannot log in by one. */
  rootPassword: string | undefined;
  network: NetworkSpec;
  dns: DnsSpec;
  /** knest-agent answers metrics.k8s.io, as long as no metrics-server does. */
  metrics: boolean;
  /** Ingresses are served on the control planes, by HAProxy. */
  ingress?: true;
  /** undefined: none. */
  backup?: BackupSpec;
  /** undefined: nothing is written down. */
  audit: AuditSpec | undefined;
  /** undefined: Kubernetes' defaults, all pods are allowed. */
  podSecurity: PodSecuritySpec | undefined;
  /** Clusters of older versions of knest say nothing: theirs last ten years, and nodes renew none. */
  certificates?: CertificatesSpec;
  components: ComponentsSpec;
  /** More container runtimes besides runc. */
  runtimes?: readonly RuntimeSpec[];
  /** undefined: none. */
  registry: RegistrySpec | undefined;
  /** undefined: all are reached as they are. */
  registries: readonly RegistryAccess[] | undefined;
  /** undefined: as the environment says. */
  proxy: ProxySpec | undefined;
  /** undefined: none. */
  images: readonly ImageArchiveSpec[] | undefined;
  /** In the order in which they are applied; undefined: none. */
  manifests: readonly ManifestSource[] | undefined;
  nodes: readonly NodeSpec[];
}
