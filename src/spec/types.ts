/** What the user wants: read from a config file and flags, complete and validated. */

export type NodeRole = 'control-plane' | 'worker';

export interface NodeSpec {
  role: NodeRole;
}

/** auto: release when it answers, else debian. Otherwise an absolute path to a directory of binaries. */
export type KubernetesSource = 'auto' | 'release' | 'debian' | { directory: string };

export interface ClusterSpec {
  name: string;
  kubernetes: {
    /** "v1.20.2"; undefined: whatever the source gives by default. */
    version: string | undefined;
    source: KubernetesSource;
    /** Base URL of a dl.k8s.io-like server for source `release`. */
    releaseMirror: string | undefined;
  };
  image: {
    /** Debian suite of the nodes' root file system: trixie, bookworm, ... */
    suite: string;
    /** Debian mirror; undefined: the host's own, else the bootstrap tool's default. */
    mirror: string | undefined;
  };
  manager: 'auto' | 'systemd' | 'direct';
  network: {
    mode: 'bridge';
    /** IPv4 CIDRs; undefined: the first of knest's defaults that is free on this host. */
    nodeSubnet: string | undefined;
    podSubnet: string | undefined;
    serviceSubnet: string | undefined;
  };
  nodes: readonly NodeSpec[];
}
