import type { BuildContext } from '../../src/artifacts/types.ts';
import type { HostFacts } from '../../src/facts/types.ts';
import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';
import { thisWorkstation } from '../../src/workstation/workstation.ts';
import { clusterSpec } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

/** A host with everything; only what layers look at matters. */
export function someFacts(changes: Partial<HostFacts> = {}): HostFacts {
  return hostFacts({
    machineId: undefined,
    capabilities: [],
    fileSystems: ['overlay'],
    programs: {},
    links: [],
    subnetsInUse: [],
    sysctls: {},
    nameservers: [],
    freeBytes: { state: 100e9, cache: 100e9 },
    debianKeyring: undefined,
    ...changes,
  });
}

export function someSpec(kubernetes: Partial<ClusterSpec['kubernetes']> = {}): ClusterSpec {
  const usual = clusterSpec({ name: 'test' });
  return { ...usual, kubernetes: { ...usual.kubernetes, ...kubernetes } };
}

/** A build on this machine with its cache at `cache`; `told` collects the progress. */
export function buildContext(
  cache: string,
  changes: { host?: Host; facts?: Partial<HostFacts>; signal?: AbortSignal } = {},
): BuildContext & { told: string[] } {
  const told: string[] = [];
  return {
    host: changes.host ?? localHost(),
    user: thisWorkstation(),
    paths: { state: `${cache}/state`, cache },
    facts: someFacts(changes.facts),
    progress: (message) => told.push(message),
    signal: changes.signal,
    told,
  };
}
