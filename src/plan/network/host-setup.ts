import type { HostFacts } from '../../facts/types.ts';
import type { PlannedCommand } from '../types.ts';
import { planBridge } from './bridge.ts';
import { planFirewall } from './firewall.ts';
import { planLoopback } from './forwardings.ts';
import { planNat } from './nat.ts';
import type { HostCommands, NetworkSetupOptions } from './types.ts';

/**
 * Everything of the host's network that a cluster needs, in order; torn down the other way round. Planned again after
 * nodes or ports have come or gone, and run again, it brings the host to the new plan while traffic goes on.
 */
export function planNetworkSetup(
  options: NetworkSetupOptions,
  facts: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  const loopback = planLoopback(options);
  const parts = options.hostNetwork
    ? // the bridge of pods is CNI's business
      [planHostNetworkModules(options), planNat(options, facts), planFirewall(options, facts)]
    : [
        planModules(options),
        planBridge(options),
        { setup: loopback.before, teardown: [] },
        planNat(options, facts),
        // gone with the bridge
        { setup: loopback.after, teardown: [] },
        planFirewall(options, facts),
      ];
  return {
    setup: parts.flatMap(({ setup }) => setup),
    teardown: parts.reverse().flatMap(({ teardown }) => teardown),
  };
}

/** Modules stay: others may use them by now. Schedulers the kernel loads itself. */
function planModules({ ipvs = false, podBridge = false }: NetworkSetupOptions): HostCommands {
  return {
    setup: [...(podBridge ? [loadBridgeNetfilter] : []), ...(ipvs ? [loadIpvs] : [])],
    teardown: [],
  };
}

/**
 * Where pods hang on a bridge of the host, its switches are theirs: on, which they are when the module is loaded. One that
 * was there before is among the kernel settings.
 */
function planHostNetworkModules({ loadsBridgeNetfilter = false }: NetworkSetupOptions): HostCommands {
  if (!loadsBridgeNetfilter) return { setup: [], teardown: [] };
  return {
    setup: [
      {
        why: 'what pods send each other passes Services and network policies',
        argv: ['modprobe', 'br_netfilter'],
        mayFail: true,
      },
    ],
    teardown: [
      {
        why: 'the module stays, as others may use it by now; the bridges of the host go on as before it was loaded',
        argv: ['sh', '-c', switchOff],
        mayFail: true,
      },
    ],
  };
}

const switchOff =
  'for name in iptables ip6tables arptables; do echo 0 > /proc/sys/net/bridge/bridge-nf-call-$name; done';

const loadIpvs: PlannedCommand = {
  why: 'kube-proxy uses IPVS, and nothing in a machine can load kernel modules',
  argv: ['modprobe', 'ip_vs'],
  unless: ['test', '-e', '/proc/net/ip_vs'],
};

/**
 * Every network namespace has switches of its own (Linux 5.3), on by default. Those of the host are put out: its other
 * bridges, of virtual machines say, go on as before. `doctor` warns where there is no such module.
 */
const loadBridgeNetfilter: PlannedCommand = {
  why: 'what pods of one node send each other passes Services and network policies; the bridges of the host stay as they are',
  argv: ['sh', '-c', `modprobe br_netfilter && ${switchOff}`],
  unless: ['test', '-e', '/proc/sys/net/bridge/bridge-nf-call-iptables'],
  mayFail: true,
};
