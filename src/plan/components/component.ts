import type { HostFacts } from '../../facts/types.ts';
import type { ClusterSpec, NodeSpec } from '../../spec/types.ts';
import type { ComponentPlan, MachinePlan, NodeComponents, PlannedArchive, PlannedLanHost } from '../types.ts';
import type { VersionTraits } from '../versions/traits.ts';

/** What a component needs to know of its cluster. */
export interface ClusterContext {
  name: string;
  nodeSubnets: readonly string[];
  podSubnets: readonly string[];
  serviceSubnets: readonly string[];
  /** First address of the first service subnet: the Service `kubernetes`. */
  apiServiceAddress: string;
  /** Tenth address of the first service subnet: the Service `kube-dns`, where kubeadm and kind have it too. */
  dnsServiceAddress: string;
  /** Ranges that Services of type LoadBalancer get addresses from; empty: they get none. */
  loadBalancer: readonly string[];
  /** Held by one control plane at a time; what everything outside of control planes talks to. */
  apiAddress: string;
  /** https://ADDRESS:PORT of it. */
  endpoint: string;
  /** Nodes have their addresses by DHCP: the address of the host's own link to them. */
  hostLink?: string;
  /** Every machine, control planes first as they are in the spec. */
  machines: readonly Peer[];
  controlPlanes: readonly Peer[];
  /** Names of machines that come into a cluster which is there already. */
  joining: ReadonlySet<string>;
  /** Images that every node has from its beginning. */
  archives: readonly PlannedArchive[];
  /** The registry as it is called on the host, "localhost:5000"; undefined: the cluster has none. */
  registryHost: string | undefined;
  spec: ClusterSpec;
  facts: Pick<
    HostFacts,
    | 'cgroup'
    | 'capabilities'
    | 'devices'
    | 'nameservers'
    | 'searchDomains'
    | 'machineId'
    | 'cpus'
    | 'memoryBytes'
  >;
}

/** What a machine knows of others. */
export type Peer = Pick<MachinePlan, 'name' | 'role' | 'address' | 'addresses' | 'podSubnets'>;

/** What a component needs to know of its machine. */
export interface MachineContext extends Peer {
  spec: NodeSpec;
  /** With macvlan. */
  lan?: PlannedLanHost;
  kubernetesVersion: string;
  traits: VersionTraits;
  /** What it runs besides Kubernetes. */
  components: NodeComponents;
}

/** A component is a pure function: the same cluster and machine always give the same files, units, certificates. */
export type Component = (machine: MachineContext, cluster: ClusterContext) => ComponentPlan;

export const apiPort = 6443;

/** Where kubeadm keeps them too, so that readers of its documentation find their way. */
export const pkiFolder = '/etc/kubernetes/pki';

/** Pulls in every unit of a node: `systemctl -M NODE status k8s.target`. */
export const k8sTarget = 'k8s.target';

export const nothing: ComponentPlan = { files: [], units: [], certificates: [], probes: [] };

/**
 * For what everything else waits for: started as soon as files can be written, not after the whole basic system. Saves
 * a tenth of a second. systemd.unit(5): without default dependencies a unit must say itself that a shutdown ends it.
 */
export const startEarly = {
  DefaultDependencies: 'no',
  Conflicts: 'shutdown.target',
  Before: 'shutdown.target',
  After: 'local-fs-pre.target systemd-journald.socket',
} as const;

/**
 * For what is of no use before the API server answers: starting later leaves it the processors. Where there is none
 * this orders nothing.
 */
export const afterApiServer = { After: 'kube-apiserver.service' } as const;

/** A machine's end of the veth pair that leads to the bridge (systemd-nspawn(1), --network-bridge=). */
export const nodeLink = 'host0';

const online = `systemd-networkd-wait-online@${nodeLink}:routable.service`;

/**
 * For what talks to other machines at once. A connection begun while the link has no more than its link-local address
 * keeps that one and hangs for its full 30 s (seen with IPv6).
 */
export const afterNetwork = { Wants: online, After: online } as const;

/** Restarted at once and for ever: components start together and some give up when others are not there yet. */
export const restartAlways = { Restart: 'always', RestartSec: '200ms' } as const;
