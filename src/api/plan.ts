import { prepare } from './prepare.ts';
import { openSession } from './session.ts';
import { settleSpec } from './settle.ts';
import type { PlanOptions, PlanResult } from './types.ts';

/** Everything that createCluster would do with this spec on this host now; touches nothing. */
export async function planCluster(options: PlanOptions): Promise<PlanResult> {
  const session = openSession(options);
  const spec = await settleSpec(session, options.spec);
  const { plan, facts } = await prepare(session, spec, { install: false });
  return { plan, facts };
}
