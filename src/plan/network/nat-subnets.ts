import { ownSubnets } from './lan.ts';
import { subnetsByFamily, type FamilySubnets } from './subnets.ts';
import type { NetworkSetupOptions } from './types.ts';

/** Whom the host hides behind itself, and leads ports to. */
export function natSubnets(options: NetworkSetupOptions): FamilySubnets[] {
  const { lan, machines, hostNetwork } = options;
  // the host needs no hiding behind itself
  if (hostNetwork) return subnetsByFamily(options, []);
  // a LAN with DHCP is everybody's: of it, only the nodes
  const nodes =
    lan?.linkLocal === undefined ? undefined : machines.flatMap(({ addresses }) => ownSubnets(addresses));
  return subnetsByFamily(options, nodes);
}
