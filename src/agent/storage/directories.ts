/** The directories that are volumes. */

import { execFile } from 'node:child_process';
import { chmod, mkdir, rename } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One that is there stays as it is. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  // any user of the pod may write; mkdir alone is held back by the umask
  await chmod(path, 0o777);
}

/** Renamed first: half a directory must never be taken for a volume. One that is not there is no error. */
export async function removeDirectory(path: string): Promise<void> {
  const doomed = path.replace(/\/pvc-/, '/deleted-');
  try {
    await rename(path, doomed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // what a pod may have mounted in there is not part of it
  await run('rm', ['-rf', '--one-file-system', '--', doomed]);
}
