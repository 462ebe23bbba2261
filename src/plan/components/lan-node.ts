import { renderUnit } from '../../formats/systemd-unit.ts';
import type { ComponentPlan } from '../types.ts';
import type { Component, MachineContext } from './component.ts';
import { nodeLink, nothing } from './component.ts';

const rulesFile = '/etc/kubernetes/masquerade.nft';

/**
 * What a host of a LAN needs and a machine behind a bridge does not: its link under the usual name, and a way out for
 * pods. On a LAN no router knows the way to pods: what they send out of the cluster leaves under the address of their node.
 * (In bridge mode the host does that.)
 */
export const lanNode: Component = (machine, cluster) => {
  if (machine.lan === undefined) return nothing;
  const inside = [...cluster.podSubnets, ...cluster.serviceSubnets].join(', ');
  // made if missing so that it can be deleted, then made anew: one transaction (nft(8))
  const rules = `table ip knest
delete table ip knest
table ip knest {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr { ${cluster.podSubnets.join(', ')} } ip daddr != { ${inside} } oifname "${nodeLink}" masquerade
  }
}
`;
  const link = lanLink(machine.lan.mac);
  const watch = machine.lan.lease === undefined ? nothing : leaseWatch(machine, cluster.name);
  return {
    ...nothing,
    files: [...link.files, { path: rulesFile, mode: 0o644, content: { text: rules } }, ...watch.files],
    units: [
      ...link.units,
      {
        name: 'knest-masquerade.service',
        wantedBy: 'multi-user.target',
        text: renderUnit({
          Unit: { Description: 'Pods reach the LAN under the address of this node' },
          Service: { Type: 'oneshot', RemainAfterExit: 'yes', ExecStart: `/usr/sbin/nft -f ${rulesFile}` },
        }),
      },
      ...watch.units,
    ],
    probes: watch.probes,
  };
};

const linkScript = '/usr/local/lib/knest/lan-link';

/**
 * The link under the name that links have behind a bridge, with the planned MAC address.
 *
 * Two links on one card can't have the same, and a network outlives the machine that it was of: connections whose other
 * end is gone keep it, with its link, until TCP gives them up (seen: two minutes). So a machine takes its link away when
 * it ends, gives such connections up sooner (a machine that is killed takes nothing away), and one that starts waits.
 */
function lanLink(mac: string): Pick<ComponentPlan, 'files' | 'units'> {
  return {
    files: [
      {
        path: linkScript,
        mode: 0o755,
        content: {
          text: `#!/bin/sh
# Gives the link to the LAN its usual name and MAC address.
set -eu
# about three seconds (kernel.org, networking/ip-sysctl); the default is a hundred
echo 3 > /proc/sys/net/ipv4/tcp_orphan_retries
# systemd-nspawn(1), --network-macvlan=: "mv-" and the host's name, cut; another one only from 254 on
for link in /sys/class/net/mv-*; do [ ! -e "$link" ] || ip link set dev "\${link##*/}" name ${nodeLink}; done
for try in $(seq 600); do
  if ip link set dev ${nodeLink} address ${mac}; then exit 0; fi
  sleep 0.2
done
echo "<3>another link has the MAC address ${mac} of this machine: a machine of the same name that has not ended?" >&2
exit 1
`,
        },
      },
      {
        // systemd-shutdown runs it last, when all processes have ended (systemd-halt.service(8))
        path: '/usr/lib/systemd/system-shutdown/knest-lan-link',
        mode: 0o755,
        content: { text: `#!/bin/sh\nexec ip link delete dev ${nodeLink}\n` },
      },
    ],
    units: [
      {
        name: 'knest-lan-link.service',
        wantedBy: 'sysinit.target',
        text: renderUnit({
          Unit: {
            Description: 'Usual name and planned MAC address of the link to the LAN',
            DefaultDependencies: 'no',
            Before: 'sysinit.target systemd-networkd.service',
          },
          Service: {
            Type: 'oneshot',
            RemainAfterExit: 'yes',
            ExecStart: linkScript,
            TimeoutStartSec: '180',
          },
        }),
      },
    ],
  };
}

const leaseScript = '/usr/local/lib/knest/lease-is-ours';

/**
 * Everything in a node was made for its address: certificates, flags, other nodes' routes. Should the DHCP server give it
 * another one (a new router, a pool that was moved), nothing works and nothing in the machine can help it, so it is said
 * loudly.
 */
function leaseWatch(machine: MachineContext, cluster: string): ComponentPlan {
  const unit = 'knest-lease.service';
  return {
    ...nothing,
    files: [{ path: leaseScript, mode: 0o755, content: { text: watchScript(machine, cluster) } }],
    units: [
      {
        name: unit,
        wantedBy: 'multi-user.target',
        text: renderUnit({
          Unit: {
            Description: 'DHCP gives this node the address that it was made for',
            After: 'systemd-networkd.service',
          },
          Service: { ExecStart: `${leaseScript} watch`, Restart: 'on-failure', RestartSec: '20s' },
        }),
      },
    ],
    probes: [{ says: 'DHCP gives it the address that it was made for', unit, argv: [leaseScript] }],
  };
}

function watchScript({ address }: MachineContext, cluster: string): string {
  return `#!/bin/sh
# Whether DHCP has given this node the address that it was made for, ${address}; if not, why nothing works, and what
# to do. usage: lease-is-ours [watch]
has() {
  ip -4 -o address show dev ${nodeLink} scope global | while read -r _ _ _ address _; do echo "\${address%/*}"; done
}
look() {
  addresses=$(has | tr '\\n' ' ')
  case " $addresses " in *" ${address} "*) return 0 ;; esac
  if [ -z "$addresses" ]; then
    echo "<3>no DHCP server on the LAN gives this node an address; it was made for ${address}" >&2
  else
    echo "<3>this node was made for ${address}, and DHCP gives it $addresses; on its host: knest restart cluster --name ${cluster}" >&2
  fi
  return 1
}
if [ "\${1:-}" != watch ]; then
  said=$(look 2>&1) && exit 0
  echo "\${said#<3>}" >&2
  exit 1
fi
# a server takes a moment, and a renewed lease may be another one at any time
for try in $(seq 30); do [ -z "$(has)" ] || break; sleep 1; done
while look; do sleep 10; done
exit 1
`;
}
