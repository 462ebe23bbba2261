import { runSequence, runStep, serial } from '../../apply/runner.ts';
import { refuseHalfMade } from '../half-made.ts';
import { InputError } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import { everyProblem, scheduledPlaceProblem } from '../../spec/backup.ts';
import type { BackupSpec, ClusterSpec } from '../../spec/types.ts';
import { moveToPlan } from '../nodes/move-to-plan.ts';
import { acquire } from '../phases/acquire.ts';
import { planBesideOthers } from '../phases/plan.ts';
import { finish, withLockedCluster } from '../start-stop/locked-cluster.ts';
import { certificatesStep } from '../steps.ts';
import type { Context } from '../types.ts';

export interface ScheduleBackupOptions extends Context {
  /** The cluster's. */
  name: string;
  /** undefined: no more. */
  schedule: BackupSpec | undefined;
}

export interface ScheduleBackupResult {
  /** The cluster's. */
  name: string;
  schedule: BackupSpec | undefined;
}

/**
 * Lets the control planes make backups by themselves, or no more. They get the folder of the host as a mount, for which those
 * that run start anew when the folder is another one than before; the one whose etcd leads makes the backups.
 * @throws InputError for a schedule that is none; KnestError kind "notFound" or "locked"
 */
export async function scheduleBackup(options: ScheduleBackupOptions): Promise<ScheduleBackupResult> {
  const { name, schedule } = options;
  refuse(schedule);
  await withLockedCluster(options, name, async (locked) => {
    refuseHalfMade(locked);
    const { session, manager, spec: before, plan: previous, applied } = await finish(locked);
    const spec = withSchedule(before, schedule);
    const acquired = await acquire(session, spec, { install: false, previous });
    const plan = await planBesideOthers(session, spec, acquired, { previous });
    const { listener, signal } = session;
    const material = await runStep(certificatesStep(session, plan), listener, signal);
    const move = {
      id: 'others' as const,
      title: schedule ? `Backups every ${schedule.every} in ${schedule.to}` : 'No more backups',
      run: () => moveToPlan({ session, manager, material, applied, plan }, spec),
    };
    await runSequence(serial(move), listener, signal);
  });
  return { name, schedule };
}

function withSchedule(spec: ClusterSpec, schedule: BackupSpec | undefined): ClusterSpec {
  const changed = { ...spec };
  delete changed.backup;
  return schedule ? { ...changed, backup: schedule } : changed;
}

function refuse(schedule: BackupSpec | undefined): void {
  if (!schedule) return;
  const found: [string, string | undefined][] = [
    ['--every', everyProblem(schedule.every)],
    ['--to', scheduledPlaceProblem(schedule.to)],
    ['--keep', schedule.keep >= 1 ? undefined : 'must be 1 or more'],
  ];
  const problems = found.flatMap(([path, message]): Problem[] =>
    message === undefined ? [] : [{ path, message }],
  );
  if (problems.length > 0) throw new InputError('the schedule', problems);
}
