/** What a host is. Gathered by observe/, read by plan/; no guesses, no defaults. */

export interface SubnetInUse {
  /** IPv4 or IPv6 CIDR, network address. */
  cidr: string;
  /** For messages: "address of eth0", "route via docker0". */
  usedBy: string;
  /** The link that the address or route belongs to. */
  link: string;
}

/** A port of the host that is taken. */
export interface ListeningPort {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** The address it is bound to; 0.0.0.0 and :: are all. */
  address: string;
  port: number;
  /** For messages, where it is known: "knest cluster dev". */
  usedBy?: string;
}

export interface CgroupFacts {
  /** Where controllers are: v1 has one mount each, hybrid is v1 with an additional v2 tree, v2 is unified. */
  version: 'v1' | 'hybrid' | 'v2';
  /**
   * Mount points under which every machine gets a cgroup of its own: v1 and hybrid all hierarchies
   * (/sys/fs/cgroup/cpu, ..., /sys/fs/cgroup/systemd, /sys/fs/cgroup/unified), v2 only /sys/fs/cgroup.
   */
  hierarchies: readonly string[];
}

export interface AptFacts {
  /** The host's own Debian mirror, where it has one. */
  mirror: string | undefined;
  /** The mirror of <suite>-security, where it has one. */
  securityMirror: string | undefined;
  /** Acquire::http::Proxy of the host's apt. */
  proxy: string | undefined;
}

export interface LinkState {
  /** Switched on; a cable need not be in. */
  up: boolean;
  wireless: boolean;
  /** The bridge or bond that it is a port of. */
  partOf?: string;
}

/** What the DHCP server of a LAN has given somebody. */
export interface Lease {
  address: string;
  prefixLength: number;
  /** undefined: the LAN has none. */
  router: string | undefined;
  nameservers: readonly string[];
  searchDomains: readonly string[];
  /** How long it holds unless it is renewed. */
  seconds: number;
  /** Address of the DHCP server. */
  server: string;
}

/** What is at a path, links followed. */
export type HostPathKind =
  'missing' | 'directory' | 'file' | 'socket' | 'character device' | 'block device' | 'pipe';

export interface HostFacts {
  hostname: string;
  /** /etc/machine-id, where the host has one: machine ids of nodes derive from it. */
  machineId: string | undefined;
  /** Go's and Debian's name: amd64, arm64. */
  arch: string;
  kernel: string;
  cpus: number;
  memoryBytes: number;
  isRoot: boolean;
  /** Name of process 1; "systemd" means that the manager `systemd` can be used. */
  pid1: string;
  /** Of systemd-nspawn; undefined when it is not installed. */
  systemdVersion: number | undefined;
  cgroup: CgroupFacts;
  /** Names of the capabilities in the bounding set: CAP_SYS_ADMIN, ... */
  capabilities: readonly string[];
  /** File systems that the kernel has or can load: overlay, ... */
  fileSystems: readonly string[];
  /** Device nodes below /dev, and links there: /dev/kvm, /dev/dri/card0. */
  devices: readonly string[];
  /** The modules of the running kernel are in /lib/modules. */
  kernelModules: boolean;
  /** What is at the paths that a spec names; only asked for a spec. */
  hostPaths?: Readonly<Record<string, HostPathKind>>;
  /** Where programs are; a missing one is not listed. */
  programs: Readonly<Record<string, string>>;
  apt: AptFacts | undefined;
  /** http_proxy, https_proxy, no_proxy as set for knest, lower case. */
  proxyEnvironment: Readonly<Record<string, string>>;
  links: readonly string[];
  /** By name; what is not known of a link is left out. */
  linkStates?: Readonly<Record<string, LinkState>>;
  /** The host's own addresses, IPv4 and IPv6, loopback included. */
  addresses: readonly string[];
  /** The host's IPv4 address by which it reaches the rest of the world; undefined: it has no default route. */
  defaultAddress?: string | undefined;
  subnetsInUse: readonly SubnetInUse[];
  /** Ports of the host that programs wait at, or that lead elsewhere. */
  listening: readonly ListeningPort[];
  /** The kernel has IPv6 and it is not switched off. */
  ipv6: boolean;
  /** The kernel has IPVS (ip_vs) or can load it. */
  ipvs: boolean;
  /** The kernel shows nftables and iptables what a bridge forwards (br_netfilter), or can load what does it. */
  bridgeNetfilter: boolean;
  /**
   * Links with a default route that the kernel learnt from a router's advertisement. Their accept_ra is among the
   * sysctls, by routerLinkSetting of plan/sysctls.
   */
  routerLinks: readonly string[];
  /**
   * Present values, by key with dots: "vm.overcommit_memory" -> "0"; with slashes where a part of the key has dots in
   * it: "net/ipv6/conf/eth0.5/accept_ra". A key the kernel lacks is not listed.
   */
  sysctls: Readonly<Record<string, string>>;
  firewall: {
    /** The chain DOCKER-USER exists: Docker drops what is forwarded unless it is accepted there. */
    docker: boolean;
    /** firewalld runs: what is in no zone is rejected. */
    firewalld: boolean;
    /** The chain FORWARD of iptables drops what no rule accepts (ufw, Docker, an administrator). */
    forwardDrop?: boolean;
    /** The same two of ip6tables, where they are so. */
    ipv6?: { docker: boolean; forwardDrop: boolean };
    /** Built-in chains of iptables and ip6tables that somebody has made use of (nftables underneath): "ip nat OUTPUT". */
    builtIn?: readonly string[];
    /** nftables tables with chains of Kubernetes or CNI plugins: "ip nat". */
    kubernetes?: readonly string[];
    /** Other nftables chains that drop what is forwarded, "inet filter forward": only their owner can add to them. */
    foreignDrops?: readonly string[];
  };
  /** Name servers usable from a machine (none on loopback), IPv4 and IPv6, from resolv.conf or systemd-resolved. */
  nameservers: readonly string[];
  searchDomains: readonly string[];
  /** Bytes free where state and cache are. */
  freeBytes: { state: number; cache: number };
  /** What was tried where state and cache are, or will be; undefined: it was not. */
  folders?: { state: FolderTrial; cache: FolderTrial } | undefined;
  /** The host's clock, seconds since 1970. */
  unixTime?: number | undefined;
  /** How many user namespaces the kernel makes for one user; undefined: it has none. */
  maxUserNamespaces?: number | undefined;
  /** Mandatory access control that is switched on. */
  securityModules?: readonly ('selinux-enforcing' | 'selinux-permissive' | 'apparmor')[];
  /** Keyring file that vouches for Debian's archive, for building a root file system. */
  debianKeyring?: string | undefined;
  /** Kinds of virtual links that can be made; only asked when a person wants to know (doctor). */
  linkKinds?: readonly string[] | undefined;
}

/** What a folder can be used for, found out by doing it. */
export interface FolderTrial {
  /** The nearest one that exists. */
  path: string;
  /** Of its file system, as stat(1) calls it: ext2/ext3, overlayfs, tmpfs, nfs, ... */
  type: string;
  /**
   * What did not work. write: a megabyte; exec: a program in there; overlay: one that is mounted from there, and can be
   * written to; device: a device file; setuid: a program that becomes another user.
   */
  failed: readonly ('write' | 'exec' | 'overlay' | 'device' | 'setuid')[];
  /** What programs said to it. */
  said: string;
}

export type Verdict = 'ok' | 'warning' | 'problem';

/** One thing that doctor looked at. */
export interface Check {
  name: string;
  /** A whole sentence: "systemd-nspawn is installed (252)." */
  sentence: string;
  verdict: Verdict;
  /** What to do about it. */
  fix?: string;
  /** Packages that would fix it, as the host's own package manager calls them. */
  packages?: readonly string[];
}

/** Something of the host that a program is asked for. */
export type Question =
  'systemd-nspawn' | 'apt' | 'network' | 'firewall' | 'space' | 'folders' | 'links' | 'devices';

/** What nobody knows: the program failed, or did not answer in time. */
export interface Unanswered {
  question: Question;
  /** Why, in a sentence without a full stop. */
  reason: string;
}
