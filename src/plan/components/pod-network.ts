import type { Component } from './component.ts';
import { nothing } from './component.ts';

/**
 * The pod network: CNI's own bridge plugin with a planned subnet per node; no daemon (containernetworking.dev). Other
 * nodes' pods are reached by routes between the machines (see operating-system.ts).
 */
export const podNetwork: Component = (machine, cluster) => {
  if (cluster.spec.network.cni === 'none') return nothing;
  const text = JSON.stringify(configuration(machine.podSubnets), undefined, 2) + '\n';
  return {
    ...nothing,
    files: [{ path: '/etc/cni/net.d/10-knest.conflist', mode: 0o644, content: { text } }],
  };
};

function configuration(podSubnets: readonly string[]) {
  return {
    // what containerd 1.6 understands as well
    cniVersion: '0.4.0',
    name: 'knest',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        // pods keep their addresses: on other nodes by the machines' routes, outside the host masquerades
        ipMasq: false,
        // a pod reaches itself through its own Service
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: podSubnets.map((subnet) => [{ subnet }]),
          routes: podSubnets.map((subnet) => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}
