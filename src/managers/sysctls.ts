import { dirname } from 'node:path';

import * as z from 'zod';

import { KnestError } from '../errors.ts';
import { removeTemporaryFiles } from '../host/temporary-files.ts';
import type { Host } from '../host/types.ts';
import { isSatisfied } from '../plan/sysctls.ts';
import type { PlannedSysctl } from '../plan/types.ts';
import { acquireLock } from '../state/lock.ts';
import { readSysctl, writeSysctl } from '../tools/sysctl.ts';

/**
 * Kernel settings belong to the host and not to a state folder, of which there may be several; after a reboot they are
 * what the host makes them, and /run is empty.
 */
const hostRecord = '/run/knest/sysctls.json';

/** Where it is remembered what the host had before knest. */
export interface SysctlRecordPlace {
  record: string;
  /** The same settings as a file that the host reads when it boots (sysctl.d(5)). */
  file?: { write: () => Promise<void>; remove: () => Promise<void> };
}

const untilReboot: SysctlRecordPlace = { record: hostRecord };

/**
 * Sets the planned kernel settings and remembers, before each first change, what was found and who needs it. May be
 * interrupted anywhere and called again, by several clusters as well.
 * @param user the cluster's folder: while it exists, the cluster needs the settings
 * @throws CommandError when the kernel refuses a value; KnestError when the record can't be read.
 */
export async function raiseSysctls(
  host: Host,
  user: string,
  planned: readonly PlannedSysctl[],
  place: SysctlRecordPlace = untilReboot,
): Promise<void> {
  if (planned.length === 0) return;
  await withRecord(host, place.record, async (record) => {
    const changes: { key: string; to: string }[] = [];
    const settings: SysctlRecord['settings'] = { ...record.settings };
    for (const { key, to, rule } of planned) {
      // read again: since the plan was made, deleting another cluster may have restored the old value
      const present = await readSysctl(host, key);
      if (present === undefined || isSatisfied({ to, rule }, present)) continue;
      const before = settings[key];
      // Somebody else may have set the value since: it is neither the one knest wrote nor the one knest found. Then
      // theirs is the one to restore later.
      const isOurs = before?.set.includes(present) ?? false;
      settings[key] = {
        found: isOurs && before ? before.found : present,
        set: [...new Set([...(before?.set ?? []), to])],
      };
      changes.push({ key, to });
    }
    const users = [...new Set([...record.users, user])];
    // The record is written first. If knest is killed before the change, the record names a change that was not made:
    // that is harmless.
    await writeRecord(host, place.record, { users, settings });
    await place.file?.write();
    for (const { key, to } of changes) await writeSysctl(host, key, to);
  });
}

/**
 * A cluster no longer needs the settings. When it was the last one, gives the remembered values back, where the
 * present one is still one that knest set, and forgets them. A record that is damaged stays, and so do the settings: the
 * next cluster says so, and deleting one must not fail for it.
 * @throws CommandError when the kernel refuses a value: the record stays, and so does the way back.
 */
export async function restoreSysctls(
  host: Host,
  user: string,
  { record: recordFile, file }: SysctlRecordPlace = untilReboot,
): Promise<void> {
  if ((await host.stat(dirname(recordFile))) === undefined) return;
  await withRecord(host, recordFile, async (record) => {
    const users = await existing(
      host,
      record.users.filter((other) => other !== user),
    );
    if (users.length > 0) {
      await writeRecord(host, recordFile, { ...record, users });
      return;
    }
    await file?.remove();
    for (const [key, { found, set }] of Object.entries(record.settings)) {
      const present = await readSysctl(host, key);
      if (present !== undefined && present !== found && set.includes(present))
        await writeSysctl(host, key, found);
    }
    await host.remove(recordFile);
    await removeTemporaryFiles(host, recordFile);
  }).catch((error: unknown) => {
    if (!(error instanceof KnestError && error.code === 'RECORD_DAMAGED')) throw error;
  });
  // rmdir(1): atomic, and refuses when another knest has just put something there
  await host.run(['rmdir', dirname(recordFile)], { okExitCodes: 'any' });
}

/** A state folder may have been removed by hand, clusters and all. */
async function existing(host: Host, folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(folders.map((folder) => host.stat(folder)));
  return folders.filter((_, index) => found[index] !== undefined);
}

const recordSchema = z.object({
  /** Folders of the clusters that need the settings. */
  users: z.array(z.string()),
  settings: z.record(
    z.string(),
    z.object({
      /** What the host had before knest. */
      found: z.string(),
      /** Every value that knest wrote, or was about to. */
      set: z.array(z.string()),
    }),
  ),
});

type SysctlRecord = z.infer<typeof recordSchema>;

/** Under a lock: clusters are created side by side, and each would overwrite what the other has just recorded. */
async function withRecord(
  host: Host,
  recordFile: string,
  work: (record: SysctlRecord) => Promise<void>,
): Promise<void> {
  const lock = await acquireLock(host, `${recordFile}.lock`, { wait: true });
  try {
    await work(await readRecord(host, recordFile));
  } finally {
    await lock.release();
  }
}

function writeRecord(host: Host, path: string, record: SysctlRecord): Promise<void> {
  return host.writeFile(path, `${JSON.stringify(record, undefined, 2)}\n`, 0o644, { sync: true });
}

async function readRecord(host: Host, path: string): Promise<SysctlRecord> {
  try {
    const text = await host.readFile(path);
    if (text === undefined) return { users: [], settings: {} };
    return recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new KnestError(`${path} is damaged: the kernel settings found before knest are unknown`, {
      code: 'RECORD_DAMAGED',
      hint: `look at it, set what you want with sysctl, then remove it: rm ${path}`,
      cause: error,
    });
  }
}
