import type { HostFacts } from '../facts/types.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { ClusterNetwork } from './network/cluster-network.ts';
import { planNetworkSetup } from './network/host-setup.ts';
import { lanMac, linkLocalAddress } from './network/lan.ts';
import { sweepCommands } from './network/host-network.ts';
import type { NetworkSetupOptions, NetworkPeer } from './network/types.ts';
import type { ManagerPlanner } from './managers/types.ts';
import { planSysctls } from './sysctls.ts';
import type { HostPlan } from './types.ts';

export interface HostInput {
  spec: ClusterSpec;
  facts: HostFacts;
  network: ClusterNetwork;
  /** The API's own address. */
  apiAddress: string;
  machines: readonly NetworkPeer[];
  manager: ManagerPlanner;
  /** The cluster's folder below the state folder. */
  folder: string;
  /** Folder of the image that machines are made from. */
  image: string;
  /** Those of the cluster as it is: they know what the host had before. undefined: look at the host. */
  sysctls: HostPlan['sysctls'] | undefined;
}

/** What the host needs besides machines: kernel settings, its side of the network, what the manager keeps there. */
export function planHost(input: HostInput): HostPlan {
  const { spec, facts, network, manager } = input;
  const { hostNetwork, lan, bridge } = network;
  const afterStop = hostNetwork ? sweepCommands(input.image, facts) : [];
  const networkSetup = planNetworkSetup(networkOptions(input), facts);
  const host = {
    sysctls: input.sysctls ?? planSysctls(facts, spec.network, { lasting: manager.lastingSysctls }),
    setup: networkSetup.setup,
    teardown: [...afterStop, ...networkSetup.teardown],
    ...(hostNetwork ? { afterStop } : {}),
  };
  const run = manager.planHost(
    { cluster: spec.name, folder: input.folder, bridge, host, ...(lan ? { parent: lan.parent } : {}) },
    facts,
  );
  return { ...host, run };
}

function networkOptions({ spec, facts, network, apiAddress, machines }: HostInput): NetworkSetupOptions {
  const { hostNetwork, lan, bridge, ports } = network;
  return {
    cluster: spec.name,
    bridge,
    ...(hostNetwork ? { hostNetwork: true, loadsBridgeNetfilter: !hasBridgeNetfilter(facts) } : {}),
    ...(lan
      ? {
          lan: {
            parent: lan.parent,
            mac: lanMac(facts, bridge),
            ...(lan.dhcp ? { linkLocal: linkLocalAddress(facts, spec.name) } : {}),
          },
        }
      : {}),
    apiAddress,
    apiPort: ports.api,
    registryPort: hostNetwork ? undefined : ports.registry,
    ipvs: spec.network.proxyMode === 'ipvs',
    podBridge: spec.network.cni === 'bridge',
    machines,
    nodeSubnets: network.nodeSubnets,
    podSubnets: network.podSubnets,
    serviceSubnets: network.serviceSubnets,
    loadBalancer: network.loadBalancer,
  };
}

/** It is loaded: the kernel has its settings. */
function hasBridgeNetfilter({ sysctls }: HostFacts): boolean {
  return sysctls['net.bridge.bridge-nf-call-iptables'] !== undefined;
}
