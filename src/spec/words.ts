/** Words to choose from, said once: for the config file, the command line, completion and types. */

export const nodeRoles = ['control-plane', 'worker'] as const;
export const managers = ['auto', 'systemd', 'direct'] as const;
/** Where Kubernetes comes from, unless it is a directory. */
export const sources = ['auto', 'release', 'debian'] as const;
/** Where containerd, runc, the CNI plugins and etcd come from, unless it is a directory. */
export const componentSources = ['auto', 'suite', 'release'] as const;
/** What nodes need besides Kubernetes, and what may come from elsewhere than their Debian suite. */
export const componentNames = ['containerd', 'runc', 'cniPlugins', 'etcd'] as const;
export const ipFamilies = ['ipv4', 'ipv6', 'dual'] as const;
export const podNetworks = ['bridge', 'none'] as const;
export const proxyModes = ['auto', 'iptables', 'nftables', 'ipvs', 'none'] as const;
export const dnsProviders = ['knest', 'coredns', 'none'] as const;
export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;
export const mountPropagations = ['None', 'HostToContainer'] as const;
/** What must be at a path of the host, or is made there: Kubernetes' words for hostPath volumes. */
export const hostPathTypes = [
  '',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
  'CharDevice',
  'BlockDevice',
] as const;
export const protocols = ['TCP', 'UDP', 'SCTP'] as const;
/** What is made where a volume of a component is missing. */
export const volumeCreations = ['none', 'file', 'directory'] as const;
/** Programs that keep container images on a machine, in the order in which they are asked. */
export const engineNames = ['docker', 'podman', 'nerdctl', 'containerd'] as const;
export type EngineName = (typeof engineNames)[number];
/** Debian suites that are known to work; others may. */
export const knownSuites = ['trixie', 'bookworm'] as const;

/** Defaults of a cluster. */
export const defaults = {
  name: 'knest',
  suite: knownSuites[0],
  manager: 'auto',
  source: 'auto',
  network: 'bridge',
  ipFamily: 'ipv4',
  proxyMode: 'auto',
  cni: 'bridge',
} as const;

/** A bridge has 1024 ports at most (Linux, BR_MAX_PORTS), and nodes are not all that is on it. */
export const mostNodes = 1000;

/** Milliseconds to wait for nodes unless told otherwise. */
export const defaultWait = 5 * 60_000;

/** a, b or c */
export function orList(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), ...words.slice(-1)].filter((part) => part !== '').join(' or ');
}

/** What is looked at before an upgrade; each can be left out of account by its name. */
export const upgradeChecks = [
  'etcd',
  'nodes',
  'apis',
  'objects',
  'stored-versions',
  'flags',
  'feature-gates',
] as const;

/** Debian package of what serves Ingresses: nodes have it where they are served. */
export const ingressPackage = 'haproxy';
