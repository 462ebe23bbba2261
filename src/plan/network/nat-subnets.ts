import { ownSubnets } from './lan.ts';
import { subnetsByFamily, type FamilySubnets } from './subnets.ts';
import type { HostNetworkOptions } from './types.ts';

/** Whom the host hides behind itself, and leads ports to. */
export function natSubnets(options: HostNetworkOptions): FamilySubnets[] {
  const { lan, machines, shared } = options;
  // the host needs no hiding behind itself
  if (shared) return subnetsByFamily(options, []);
  // a LAN with DHCP is everybody's: of it, only the nodes
  const nodes =
    lan?.linkLocal === undefined ? undefined : machines.flatMap(({ addresses }) => ownSubnets(addresses));
  return subnetsByFamily(options, nodes);
}
