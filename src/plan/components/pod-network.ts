import type { Component } from './component.ts';

/** The pod network: CNI's own bridge plugin with a planned subnet per node; no daemon (containernetworking.dev). */
export const podNetwork: Component = (machine) => ({
  files: [
    {
      path: '/etc/cni/net.d/10-knest.conflist',
      mode: 0o644,
      content: { text: JSON.stringify(configuration(machine.podSubnet), undefined, 2) + '\n' },
    },
  ],
  units: [],
  certificates: [],
  probes: [],
});

function configuration(podSubnet: string) {
  return {
    // what containerd 1.6 understands as well
    cniVersion: '0.4.0',
    name: 'knest',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        // a pod reaches itself through its own Service
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: podSubnet }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}
