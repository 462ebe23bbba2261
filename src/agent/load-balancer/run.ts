import type { AgentConfig, LoadBalancerConfig } from '../config.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { runAnnouncer } from './announcer.ts';
import { runController } from './controller.ts';
import { nodeLink } from './link.ts';
import { answerPulse } from './pulse.ts';

/** Works for as long as the process lives. Returns when everything that is there has been looked at. */
export async function runLoadBalancer(
  { node, address }: Pick<AgentConfig, 'node' | 'address'>,
  { addresses: pool, link, port, controller }: LoadBalancerConfig,
  api: KubernetesClient,
): Promise<void> {
  await Promise.all([
    runAnnouncer(api, { node, pool, link: await nodeLink(link) }),
    ...(controller ? [runController(api, { node, pool, port })] : []),
  ]);
  // Last: the controller gives addresses to nodes that answer, so a node must be able to serve them by then.
  await answerPulse(address, port);
}
