import { acquire } from '../phases/acquire.ts';
import { planBesideOthers } from '../phases/plan.ts';
import { openSession } from '../session.ts';
import { resolveReferences } from '../phases/resolve-references.ts';
import type { PlanOptions, PlanResult } from '../types.ts';

/**
 * Everything that createCluster would do with this spec on this host now; touches nothing. A DHCP server is not asked: its
 * leases would be real ones. Such plans have addresses of nobody's instead.
 */
export async function planCluster(options: PlanOptions): Promise<PlanResult> {
  const session = openSession(options);
  const spec = await resolveReferences(session, options.spec);
  const acquired = await acquire(session, spec, {
    install: false,
    leases: 'examples',
    layersToCome: options.layersToCome,
  });
  const plan = await planBesideOthers(session, spec, acquired);
  if (plan.network.lan?.dhcp) {
    const message = `${plan.network.nodeSubnets.join()} is an example: DHCP says the addresses when the cluster is made`;
    session.listener({ type: 'note', level: 'warning', message });
  }
  return { plan, facts: acquired.facts };
}
