import { renderUnit } from '../../formats/systemd-unit.ts';
import type { Component } from './component.ts';
import { nodeLink, nothing } from './component.ts';

const rulesFile = '/etc/kubernetes/masquerade.nft';

/**
 * What a host of a LAN needs and a machine behind a bridge does not: its link under the usual name, and a way out for
 * pods. On a LAN no router knows the way to pods: what they send out of the cluster leaves under the address of their node.
 * (In bridge mode the host does that.)
 */
export const lanNode: Component = (_machine, cluster) => {
  if (cluster.spec.network.mode === 'bridge') return nothing;
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
  return {
    ...nothing,
    files: [{ path: rulesFile, mode: 0o644, content: { text: rules } }],
    units: [
      {
        name: 'knest-lan-link.service',
        wantedBy: 'sysinit.target',
        text: renderUnit({
          Unit: {
            Description: 'Usual name for the link to the LAN',
            DefaultDependencies: 'no',
            Before: 'sysinit.target systemd-networkd.service',
          },
          Service: {
            Type: 'oneshot',
            RemainAfterExit: 'yes',
            // systemd-nspawn(1), --network-macvlan=: "mv-" and the host's name, cut; another one only from 254 on
            ExecStart:
              '/bin/sh -c "for link in /sys/class/net/mv-*;' +
              ` do ip link set dev $$(basename $$link) name ${nodeLink}; done"`,
          },
        }),
      },
      {
        name: 'knest-masquerade.service',
        wantedBy: 'multi-user.target',
        reads: [rulesFile],
        text: renderUnit({
          Unit: { Description: 'Pods reach the LAN under the address of this node' },
          Service: { Type: 'oneshot', RemainAfterExit: 'yes', ExecStart: `/usr/sbin/nft -f ${rulesFile}` },
        }),
      },
    ],
  };
};
