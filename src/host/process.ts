import type { Host } from './types.ts';

/**
 * A process that can be told from a later one with the same number: pids get reused, and files that name them
 * survive a reboot.
 */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)). */
  startTime: string;
  bootId: string;
}

/** Who the process is now; undefined when there is none. */
export async function identifyProcess(
  host: Pick<Host, 'readFile'>,
  pid: number,
): Promise<ProcessIdentity | undefined> {
  const [stat, bootId] = await Promise.all([readProcess(host, pid, 'stat'), readBootId(host)]);
  if (stat === undefined) return undefined;
  // the command's name, in brackets, may hold spaces: fields are counted from behind it
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTime = fields[19];
  return startTime === undefined || state === 'Z' ? undefined : { pid, startTime, bootId };
}

/** Whether the very process still runs. */
export async function isAlive(host: Pick<Host, 'readFile'>, identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(host, identity.pid);
  return now?.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** As written to lock and pid files: "<pid> <start time> <boot id>". */
export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.startTime} ${identity.bootId}\n`;
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  const [pid = '', startTime, bootId] = text.trim().split(' ');
  if (!/^\d+$/.test(pid) || startTime === undefined || bootId === undefined) return undefined;
  return { pid: Number(pid), startTime, bootId };
}

/** Asked for once: a host that boots again ends whatever way there is to it. */
const bootIds = new WeakMap<object, Promise<string>>();

function readBootId(host: Pick<Host, 'readFile'>): Promise<string> {
  const known = bootIds.get(host);
  if (known) return known;
  const asked = host.readFile('/proc/sys/kernel/random/boot_id').then((text) => (text ?? '').trim());
  bootIds.set(host, asked);
  // a failure is nothing to remember
  asked.catch(() => bootIds.delete(host));
  return asked;
}

/** A file of a process; undefined when it has ended. */
export async function readProcess(
  host: Pick<Host, 'readFile'>,
  pid: number,
  file: string,
): Promise<string | undefined> {
  try {
    return await host.readFile(`/proc/${pid}/${file}`);
  } catch (error) {
    // ESRCH: it ended between open and read
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return undefined;
    throw error;
  }
}
