import type { HostCommands } from './bridge.ts';

export interface ModuleOptions {
  /** kube-proxy uses IPVS. */
  ipvs?: boolean;
  /** The kernel has br_netfilter or can load it. */
  bridgeFilter?: boolean;
}

/**
 * Kernel modules that nobody asks for by using them: all others (overlay, veth, bridge, nftables, what rules of iptables
 * are about) the kernel loads itself when a machine needs them, although nothing in a machine could. Modules stay:
 * others may use them by now.
 */
export function planModules({ ipvs = false, bridgeFilter = false }: ModuleOptions): HostCommands {
  return {
    setup: [
      ...(bridgeFilter ? [loadBridgeFilter] : []),
      ...(ipvs
        ? [
            {
              why: 'kube-proxy uses IPVS, and nothing in a machine can load kernel modules',
              argv: ['modprobe', 'ip_vs'],
              unless: ['test', '-e', '/proc/net/ip_vs'],
            },
          ]
        : []),
    ],
    teardown: [],
  };
}

/** Of each network namespace (Linux 5.3), in which the module switches them on. */
const settings = '/proc/sys/net/bridge';

const loadBridgeFilter = {
  why:
    'The pods of a node are on a bridge. When one calls another by a Service, the answer crosses only that bridge, and\n' +
    "its sender is only put right where the packet filter sees it (br_netfilter). The host's own bridges stay unfiltered,\n" +
    'as they were.',
  argv: [
    'sh',
    '-c',
    `modprobe br_netfilter && for setting in ip ip6 arp; do echo 0 > ${settings}/bridge-nf-call-\${setting}tables; done`,
  ],
  unless: ['test', '-e', settings],
};
