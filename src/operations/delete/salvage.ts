/** Deleting a cluster whose record is damaged: by what can still be read of it, else by what the host shows. */

import { DamagedRecord } from '../../state/record-file.ts';
import type { MachineManager } from '../../managers/types.ts';
import { appliedPlan, nothingApplied, readApplied } from '../../state/applied.ts';
import { clusterFolder, readPlan } from '../../state/clusters.ts';
import { unionPlan } from '../../state/union-plan.ts';
import type { Session } from '../session.ts';
import { findPlan } from './found-plan.ts';
import { tearDown } from './tear-down.ts';

/**
 * Deletes as much as can be found, and says what may be left. The wanted plan and what has been carried out of it say
 * nearly the same: one of the two is enough.
 * @throws KnestError for the record of a newer knest
 */
export async function deleteDamaged(session: Session, name: string, manager: MachineManager): Promise<void> {
  const { host, paths, listener } = session;
  const folder = clusterFolder(paths, name);
  const plan = (await unlessDamaged(readPlan(host, paths, name)))?.plan;
  const applied = (await unlessDamaged(readApplied(host, name, folder))) ?? nothingApplied;
  const known = plan ?? appliedPlan(applied);
  const warn = (message: string): void => {
    listener({ type: 'note', level: 'warning', message });
  };
  if (known) {
    warn(`the record of cluster "${name}" is damaged: deleting what is known of it`);
    await tearDown(session, unionPlan({ plan: known, applied }), manager);
    return;
  }
  const found = await findPlan(session, name);
  const machines = found.machines.map((machine) => machine.name).join(', ') || 'no machine';
  warn(
    `the record of cluster "${name}" is lost: deleting what this host has under its name: ${machines}, ` +
      `the link ${found.network.bridge}, rules and units`,
  );
  await tearDown(session, found, manager);
}

async function unlessDamaged<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}
