import type { HostRun, MachineRun, PlannedFile } from '../types.ts';

/** The files among those of the host's administrator by which a manager runs a machine or a cluster. */
export function runFiles(run: HostRun | MachineRun): readonly PlannedFile[] {
  return 'files' in run ? run.files : [];
}
