import type { HostFacts } from '../../facts/types.ts';
import { planBridge, type BridgeOptions, type HostCommands } from './bridge.ts';
import { planFirewall } from './firewall.ts';
import { planNat } from './nat.ts';
import type { ClusterSubnets } from './subnets.ts';

/** Everything of the host's network that a cluster needs, in order; torn down the other way round. */
export function planHostNetwork(
  options: BridgeOptions & ClusterSubnets,
  facts: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  const parts = [planBridge(options), planNat(options, facts), planFirewall(options, facts)];
  return {
    setup: parts.flatMap(({ setup }) => setup),
    teardown: parts.reverse().flatMap(({ teardown }) => teardown),
  };
}
