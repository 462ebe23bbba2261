import { controlPlanesOf } from '../control-planes.ts';
import type { PlannedCommand } from '../types.ts';
import type { NetworkSetupOptions } from './types.ts';

/**
 * Once a machine runs whose own pods and components may call it by a port of the host: on hosts with br_netfilter
 * (Docker and Kubernetes load it) packets are led back on the level of the bridge, which sends nothing out of the port
 * that it came in by, unless that port is in hairpin mode (bridge(8)). Not for control planes that share the API's
 * address: they would hear their own VRRP announcements.
 * @param name of the machine
 */
export function planHairpin(
  name: string,
  { machines, apiPort }: Pick<NetworkSetupOptions, 'machines' | 'apiPort'>,
): PlannedCommand[] {
  const machine = machines.find((one) => one.name === name);
  const controlPlanes = controlPlanesOf(machines);
  const isApi = machine?.role === 'control-plane' && controlPlanes.length === 1 && apiPort !== undefined;
  if (!isApi && !machine?.ports.length) return [];
  return [
    {
      why: `${name} reaches itself by a port of the host`,
      // systemd-nspawn's name for the host's end of the veth pair; where it is too long, an alternative one
      argv: ['ip', 'link', 'set', 'dev', `vb-${name}`, 'type', 'bridge_slave', 'hairpin', 'on'],
      mayFail: true,
    },
  ];
}
