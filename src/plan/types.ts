/** The plan: everything that `create` will do, as data. `knest plan` prints it; apply/ carries it out unchanged. */

import type { HostFacts, Lease } from '../facts/types.ts';
import type { PkiPlan, PlannedCertificate } from '../pki/types.ts';
import type { ClusterSpec, ComponentName, NodeRole, Taint } from '../spec/types.ts';
import type { ComponentLayer, PlannedLayer, ResolvedSource } from './layer-types.ts';

export type {
  ComponentLayer,
  OutsideSource,
  PlannedArchive,
  PlannedLayer,
  ResolvedSource,
} from './layer-types.ts';

/** Where knest keeps things on a host. */
export interface Paths {
  /** KNEST_STATE_DIR, /var/lib/knest: clusters, machines, keys. */
  state: string;
  /** KNEST_CACHE_DIR, /var/cache/knest: what can be made again; clusters stand on its layers while they live. */
  cache: string;
}

/**
 * What a plan is made from besides the spec: the host, and what other clusters have of it (their subnets and ports are
 * among those in use).
 */
export interface PlanInputs extends HostFacts {
  /** Nodes' addresses on a LAN with DHCP, by name; only of nodes that are to have some. */
  leases?: Readonly<Record<string, Lease>>;
  /** A cluster of knest's whose node shares the network of this host. */
  hostNetworkOf?: string | undefined;
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
 * What a file holds: text, a symbolic link, key material by name (plans never contain secrets), a file that comes
 * with knest, by name, or the machine's users with a password for root.
 */
export type FileContent =
  | {
      text: string;
      /** Names of what must not be told; `<secret NAME>` stands for it in the text until the file is written. */
      secrets?: readonly string[];
    }
  | { link: string }
  | {
      pki: string;
      /** Of several certificates the first one alone: the authority that signs. */
      first?: true;
    }
  | { asset: 'knest-agent.mjs' }
  | {
      /** Hash, crypt(5). */
      rootPassword: string;
      /** The file on the host in which that of root is replaced: /etc/shadow of the image. */
      shadow: string;
    };

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
  /** Planned files that it reads although no text names them; those that are named are found (plan/files-read.ts). */
  reads?: readonly string[];
  /** What it leaves in the kernel when it ends; another one counts only in a machine that has started anew. */
  leaves?: string;
  /** Planned files that it reads, but whose change is no reason to restart it on a running machine. */
  ignores?: readonly string[];
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
  /** See MachinePlan. */
  liveCommands?: readonly PlannedCommand[];
}

/** A component of a node, decided. */
export interface ResolvedComponent {
  /** "2.3.4"; undefined: nobody knows, as of a suite that knest does not know. */
  version: string | undefined;
  /** undefined: it is in the rootfs layer, of the node's Debian suite. */
  layer?: ComponentLayer;
  /** Where it comes from, and why. */
  reason: string;
}

/** What a node runs besides Kubernetes; only control planes have etcd. */
export type NodeComponents = Readonly<
  Record<Exclude<ComponentName, 'etcd'>, ResolvedComponent> & { etcd?: ResolvedComponent }
>;

export interface ResolvedKubernetes {
  /** "v1.20.2" */
  version: string;
  source: ResolvedSource;
  /** Layer id, content-addressed: same id, same binaries. */
  layerId: string;
  /** Why this source: "dl.k8s.io does not answer (ENOTFOUND)". */
  reason: string;
}

/** Kubernetes for a whole cluster; single nodes may have another one. */
export interface KubernetesChoice {
  cluster: ResolvedKubernetes;
  /** By node name. */
  nodes: Readonly<Record<string, ResolvedKubernetes>>;
  /** What nodes have besides, by their names; of those that are not named, all is of their Debian suite. */
  components?: Readonly<Record<string, NodeComponents>>;
}

export interface PlannedBind {
  source: string;
  target: string;
  readOnly?: boolean;
  /** What is made at the source when nothing is there; undefined: nothing, the machine does not start without it. */
  make?: 'directory' | 'file';
}

/** Who runs machines on a host: the host's systemd, or knest itself. */
export type ManagerName = Exclude<ClusterSpec['manager'], 'auto'>;

/** How the `direct` manager runs a machine: by a script that becomes systemd-nspawn. */
export interface DirectRun {
  manager: 'direct';
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
  /** Run on the host each time that the machine has started. */
  started: readonly PlannedCommand[];
  /** While a cluster is created, everybody waits for this machine: it gets more of the processors, then the usual. */
  startupCpuBoost?: { more: PlannedCommand; usual: PlannedCommand };
}

/** How the `systemd` manager runs a machine: by units of the host. */
export interface SystemdRun {
  manager: 'systemd';
  /** systemd-nspawn@NAME.service */
  unit: string;
  /** Mounts the overlay at the machine's root. */
  mount: string;
  /** On the host: settings, drop-ins, mount unit, and the link that starts it with the cluster. */
  files: readonly PlannedFile[];
  /** cgroup v1: cgroups that systemd knows nothing of; removed with the machine. */
  cgroups: readonly string[];
  /** What running it may leave on the host; removed with the machine. */
  traces: readonly string[];
}

/** How a machine is run; each manager has its own. */
export type MachineRun = DirectRun | SystemdRun;

/** The `direct` manager carries out the commands of the plan; nothing of a cluster stays with the host. */
export interface DirectHostRun {
  manager: 'direct';
}

/** What the host's systemd knows of a cluster besides its machines. */
export interface SystemdHostRun {
  manager: 'systemd';
  /** Starts and stops all of it. */
  target: string;
  /** Runs the host's setup and teardown. */
  network: string;
  files: readonly PlannedFile[];
  /** Run when the files have been written, and when they have been removed: tells those who read them. */
  reload?: readonly PlannedCommand[];
  /** The kernel settings as a file that the host reads when it boots; shared by all clusters. */
  sysctls: PlannedFile;
}

/** The manager's side of a host: what it keeps there for a cluster besides its machines. */
export type HostRun = DirectHostRun | SystemdHostRun;

export interface NodePatch {
  metadata: { labels: Readonly<Record<string, string>> };
  spec: { podCIDR: string; podCIDRs: readonly string[] };
}

/** An address of a machine with its way out; IPv4 and IPv6 in dual stack. */
export interface PlannedAddress {
  address: string;
  prefixLength: number;
  /** Empty: there is no way out. */
  gateway: string;
}

/** A port of the host that leads into a machine. */
export interface PlannedPort {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** undefined: every address of the host. */
  listenAddress: string | undefined;
  hostPort: number;
  machinePort: number;
}

/** A machine that is a host of a LAN. */
export interface PlannedLanHost {
  /** Its own on the LAN: always the same for the same machine, so that a DHCP server knows it again. */
  mac: string;
  /** What the DHCP server gave it; undefined: its address is planned. */
  lease?: Lease;
}

/** What a machine has besides Kubernetes, for readers of the plan. */
export interface PlannedComponent {
  /** undefined: nobody knows. */
  version?: string;
  /** Id of its layer; undefined: it is of the Debian suite. */
  layer?: string;
  reason: string;
}

export interface MachinePlan {
  /** Machine name, host name and Kubernetes node name. */
  name: string;
  role: NodeRole;
  /** Its place in the node and pod subnets, from 0; free again when the node is deleted. */
  slot: number;
  /** The first of its addresses: the node's InternalIP. */
  address: string;
  addresses: readonly PlannedAddress[];
  /** One per family. */
  podSubnets: readonly string[];
  /** With macvlan. */
  lan?: PlannedLanHost;
  kubernetesVersion: string;
  /** Plans of older versions have none. */
  components?: Readonly<Partial<Record<ComponentName, PlannedComponent>>>;
  ports: readonly PlannedPort[];
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
  /**
   * Run inside a machine that is already up, to make it what its files say without a restart: routes to the pods of
   * new nodes. Harmless at any time.
   */
  liveCommands: readonly PlannedCommand[];
  /** Merged into the Node object once it has registered: what a kubelet may not say of itself. */
  nodePatch: NodePatch;
  /** With these it registers; afterwards they are those of its Node object. None: it has no such field. */
  nodeTaints?: readonly Taint[];
  /** How its manager runs it. */
  run: MachineRun;
}

export interface HostPlan {
  sysctls: readonly PlannedSysctl[];
  /** Run in order before the machines start. */
  setup: readonly PlannedCommand[];
  /** Run in order after the machines are gone; each may find nothing left to do. */
  teardown: readonly PlannedCommand[];
  /** Run whenever the machine has ended that shares the host's network: what it leaves there. */
  afterStop?: readonly PlannedCommand[];
  /** What the manager keeps on the host. */
  run: HostRun;
}

export interface ClusterPlan {
  /** Format of this plan, raised when readers must change; state/migrate.ts knows the earlier ones. */
  version: 3;
  cluster: string;
  kubernetesVersion: string;
  kubernetesReason: string;
  manager: ManagerName;
  /** Id of the layer with that Kubernetes: two sources of one version are two layers. */
  kubernetesLayer: string;
  /** https://ADDRESS:PORT of the API, whichever control plane answers. */
  endpoint: string;
  /** What the kubeconfig says: the endpoint, or the port of the host that leads to it. */
  server: string;
  context: string;
  network: {
    bridge: string;
    /** With macvlan: the link of the host that is on the LAN, and whether its DHCP server gives nodes their addresses. */
    lan?: { parent: string; dhcp: boolean };
    /** The only node shares the network of the host; the bridge is that of its pods. */
    hostNetwork?: true;
    /** One per family, the primary one first. With DHCP: the LAN's own. */
    nodeSubnets: readonly string[];
    podSubnets: readonly string[];
    serviceSubnets: readonly string[];
    /** Address of the API; control planes hold it in turn. */
    apiAddress: string;
    /** Where the host offers the API as well. */
    apiPort?: PlannedPort;
    /** Where the host offers the cluster's registry. */
    registryPort?: PlannedPort;
    /** Ranges ("A-B") that Services of type LoadBalancer get addresses from; plans of older versions have none. */
    loadBalancer?: readonly string[];
    /** none: nodes are not Ready before the user has applied a network add-on. */
    cni: 'bridge' | 'none';
  };
  layers: readonly PlannedLayer[];
  pki: PkiPlan;
  host: HostPlan;
  machines: readonly MachinePlan[];
}
