import { prepare } from './prepare.ts';
import { openSession } from './session.ts';
import type { PlanOptions, PlanResult } from './types.ts';

/** Everything that createCluster would do with this spec on this host now; touches nothing. */
export async function planCluster(options: PlanOptions): Promise<PlanResult> {
  const { plan, facts } = await prepare(openSession(options), options.spec, { install: false });
  return { plan, facts };
}
