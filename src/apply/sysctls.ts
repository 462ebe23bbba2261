import { dirname } from 'node:path';

import { z } from 'zod';

import { KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';
import type { Paths, PlannedSysctl } from '../plan/types.ts';
import { acquireLock } from '../state/lock.ts';
import { readSysctl, writeSysctl } from '../tools/sysctl.ts';

/**
 * Sets the planned kernel settings and remembers, before each first change, what was found. May be interrupted
 * anywhere and called again, by several clusters as well.
 * @throws CommandError when the kernel refuses a value; KnestError when the record can't be read.
 */
export async function raiseSysctls(
  host: Host,
  paths: Paths,
  planned: readonly PlannedSysctl[],
): Promise<void> {
  if (planned.length === 0) return;
  await withRecord(host, paths, async (record) => {
    const changes: { key: string; to: string }[] = [];
    const next: SysctlRecord = { ...record };
    for (const { key, to } of planned) {
      const present = await readSysctl(host, key);
      if (present === undefined || present === to) continue;
      const before = record[key];
      // a value that is neither knest's nor the one found first was set by somebody since: that is what they want
      const isOurs = before?.set.includes(present) ?? false;
      next[key] = {
        found: isOurs && before ? before.found : present,
        set: [...new Set([...(before?.set ?? []), to])],
      };
      changes.push({ key, to });
    }
    if (changes.length === 0) return;
    // the record comes first: killed between the two, knest has remembered a change that never came, which is harmless
    await host.writeFile(recordPath(paths), `${JSON.stringify(next, undefined, 2)}\n`, 0o644);
    for (const { key, to } of changes) await writeSysctl(host, key, to);
  });
}

/**
 * Gives the remembered values back, where the present one is still one that knest set, and forgets them. For when
 * the last cluster of the host is gone.
 * @throws CommandError when the kernel refuses a value: the record stays, and so does the way back.
 */
export async function restoreSysctls(host: Host, paths: Paths): Promise<void> {
  if ((await host.stat(recordPath(paths))) === undefined) return;
  await withRecord(host, paths, async (record) => {
    for (const [key, { found, set }] of Object.entries(record)) {
      const present = await readSysctl(host, key);
      if (present !== undefined && present !== found && set.includes(present))
        await writeSysctl(host, key, found);
    }
    await host.remove(recordPath(paths));
  });
  // rmdir(1): atomic, and refuses when another knest has just put something there
  await host.run(['rmdir', dirname(recordPath(paths))], { okExitCodes: 'any' });
}

const recordSchema = z.record(
  z.string(),
  z.object({
    /** What the host had before knest. */
    found: z.string(),
    /** Every value that knest wrote, or was about to. */
    set: z.array(z.string()),
  }),
);

type SysctlRecord = z.infer<typeof recordSchema>;

function recordPath(paths: Paths): string {
  return `${paths.state}/host/sysctls.json`;
}

/** One at a time: clusters are created side by side, and each would forget what the other remembered. */
async function withRecord(
  host: Host,
  paths: Paths,
  work: (record: SysctlRecord) => Promise<void>,
): Promise<void> {
  const lock = await acquireLock(host, `${recordPath(paths)}.lock`, { wait: true });
  try {
    await work(await readRecord(host, recordPath(paths)));
  } finally {
    await lock.release();
  }
}

async function readRecord(host: Host, path: string): Promise<SysctlRecord> {
  const text = await host.readFile(path);
  if (text === undefined) return {};
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new KnestError(`${path} is damaged: the kernel settings found before knest are unknown`, {
      hint: `look at it, set what you want with sysctl, then remove it: rm ${path}`,
      cause: error,
    });
  }
}
