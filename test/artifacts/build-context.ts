import type { BuildContext } from '../../src/artifacts/types.ts';
import type { HostFacts } from '../../src/facts/types.ts';
import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';

/** A host with everything; only what layers look at matters. */
export function someFacts(changes: Partial<HostFacts> = {}): HostFacts {
  return {
    hostname: 'host',
    machineId: undefined,
    arch: 'amd64',
    kernel: '6.12.0',
    cpus: 2,
    memoryBytes: 8e9,
    isRoot: true,
    pid1: 'systemd',
    systemdVersion: 257,
    cgroup: { version: 'v2', hierarchies: ['/sys/fs/cgroup'] },
    capabilities: [],
    fileSystems: ['overlay'],
    programs: {},
    apt: undefined,
    proxyEnvironment: {},
    links: [],
    subnetsInUse: [],
    sysctls: {},
    firewall: { docker: false, firewalld: false },
    nameservers: [],
    searchDomains: [],
    freeBytes: { state: 100e9, cache: 100e9 },
    ...changes,
  };
}

export function someSpec(kubernetes: Partial<ClusterSpec['kubernetes']> = {}): ClusterSpec {
  return {
    name: 'test',
    kubernetes: { version: undefined, source: 'auto', releaseMirror: undefined, ...kubernetes },
    image: { suite: 'trixie', mirror: undefined },
    manager: 'auto',
    network: { mode: 'bridge', nodeSubnet: undefined, podSubnet: undefined, serviceSubnet: undefined },
    nodes: [{ role: 'control-plane' }],
  };
}

/** A build on this machine with its cache at `cache`; `told` collects the progress. */
export function buildContext(
  cache: string,
  changes: { host?: Host; facts?: Partial<HostFacts>; signal?: AbortSignal } = {},
): BuildContext & { told: string[] } {
  const told: string[] = [];
  return {
    host: changes.host ?? localHost(),
    paths: { state: `${cache}/state`, cache },
    facts: someFacts(changes.facts),
    progress: (message) => told.push(message),
    signal: changes.signal,
    told,
  };
}
