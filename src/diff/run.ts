/** How the host runs a machine, of either manager. */

import { runFiles } from '../plan/managers/run-files.ts';
import type { DirectRun, MachineRun, PlannedFile, SystemdRun } from '../plan/types.ts';
import { differs } from './equal.ts';
import type { Change } from './types.ts';

export interface RunDifference {
  changes: readonly Change[];
  /** What systemd-nspawn was told when the machine started is not what it would be told today. */
  reboot: boolean;
  /** Files on the host that ran the machine and do no more. */
  removeFromHost: readonly string[];
}

/** Lines that set a limit: of the launch script (cgroups of both versions), and of a unit of the host. */
const limit =
  /cpu\.max|cpu\.cfs_quota_us|memory\.max|memory\.limit_in_bytes|pids\.max|io\.weight|bfq\.weight|blkio\.weight/;
/** Around the lines that set weights. */
const ofWeights = /^fi$|does not divide disks by weights/;
const limitsFile = /\/20-knest-limits\.conf$/;

/** The difference between two ways to run a machine. */
export function diffRun(before: MachineRun, after: MachineRun): RunDifference {
  const stay = filesOf(after);
  const removeFromHost = filesOf(before).filter((path) => !stay.includes(path));
  const changes = changesOf(before, after);
  return { changes, reboot: changes.some(({ cost }) => cost === 'machine rebooted'), removeFromHost };
}

function changesOf(before: MachineRun, after: MachineRun): Change[] {
  if (before.manager === 'direct' && after.manager === 'direct') return diffDirect(before, after);
  if (before.manager === 'systemd' && after.manager === 'systemd') return diffSystemd(before, after);
  return differs(before, after) ? [rebooted('manager run', 'the machine is run in another way')] : [];
}

/** Files on the host by which it runs a machine. */
function filesOf(run: MachineRun): string[] {
  const script = run.manager === 'direct' ? [run.path] : [];
  return [...script, ...runFiles(run).map(({ path }) => path)];
}

function rebooted(what: 'manager run' | 'resources', says: string): Change {
  const why =
    what === 'resources'
      ? 'limits are set when the machine starts'
      : 'systemd-nspawn takes what it is told when the machine starts';
  return { what, says, cost: 'machine rebooted', why };
}

function harmless(says: string, why: string): Change {
  return { what: 'manager run', says, cost: 'none', why };
}

function diffDirect(before: DirectRun, after: DirectRun): Change[] {
  const { started, startupCpuBoost, script, ...rest } = before;
  const changes: Change[] = [];
  if (script !== after.script) {
    const onlyLimits = withoutLimits(script) === withoutLimits(after.script);
    changes.push(
      onlyLimits
        ? rebooted('resources', 'the machine may use more or less')
        : rebooted('manager run', `its launch script ${after.path} is another one`),
    );
  }
  const told = Object.entries(rest).filter(([key, value]) =>
    differs(value, after[key as keyof typeof after]),
  );
  if (told.length > 0 && script === after.script) {
    changes.push(rebooted('manager run', `how it is launched (${told.map(([key]) => key).join(', ')})`));
  }
  if (differs(started, after.started)) {
    changes.push(
      harmless('the host does something else once the machine has started', 'it can be done at any time'),
    );
  }
  if (differs(startupCpuBoost, after.startupCpuBoost)) {
    changes.push(harmless('its share of the processors while a cluster starts', 'only a new cluster has it'));
  }
  return changes;
}

function withoutLimits(script: string): string {
  return script
    .split('\n')
    .filter((line) => !limit.test(line) && !line.startsWith('#') && !ofWeights.test(line))
    .join('\n');
}

function diffSystemd(before: SystemdRun, after: SystemdRun): Change[] {
  const paths = new Set([...before.files, ...after.files].map(({ path }) => path));
  const changes = [...paths].flatMap((path) => {
    const [old, fresh] = [before, after].map(({ files }) => files.find((file) => file.path === path));
    return differs(old, fresh) ? [hostFileChange(path, old, fresh)] : [];
  });
  if (differs({ ...before, files: [] }, { ...after, files: [] }))
    changes.push(rebooted('manager run', 'the units that run it, or what they leave'));
  return changes;
}

function hostFileChange(path: string, old?: PlannedFile, fresh?: PlannedFile): Change {
  if (limitsFile.test(path)) return rebooted('resources', `its limits: ${path}`);
  const link = [old, fresh].every((file) => file === undefined || 'link' in file.content);
  if (link) return harmless(`${path} is another link`, 'it counts when the host boots');
  if (old && fresh && old.mode === fresh.mode && withoutStarted(old) === withoutStarted(fresh)) {
    return harmless(
      `${path}: what the host does once the machine has started`,
      'it counts at the next start of the machine',
    );
  }
  return rebooted('manager run', `${path} is another one`);
}

/** A unit's text but for ExecStartPost=, with the comments on it (systemd.service(5)). */
function withoutStarted({ content }: PlannedFile): string {
  if (!('text' in content)) return JSON.stringify(content);
  return content.text.replaceAll(/(^#.*\n)*^ExecStartPost=.*\n/gm, '');
}
