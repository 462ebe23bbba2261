import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';

import type { CertificatesConfig } from './config.ts';

type Place = Pick<CertificatesConfig, 'folder'>;

/** A file of the folder as text; undefined when it is not there. */
export async function readPki({ folder }: Place, file: string): Promise<string | undefined> {
  try {
    return await readFile(`${folder}/${file}`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a certificate beside the present one, and takes its place at once: nobody ever reads half of it. */
export async function writeCertificate({ folder }: Place, name: string, text: string): Promise<void> {
  const path = `${folder}/${name}.crt`;
  const aside = `${path}.new`;
  const file = await open(aside, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
}

/** Notes that units are to be restarted, before what they read is written. */
export async function noteRestarts(
  { pending }: Pick<CertificatesConfig, 'pending'>,
  units: readonly string[],
): Promise<void> {
  if (units.length === 0) return;
  await mkdir(pending, { recursive: true, mode: 0o700 });
  for (const unit of units) await writeFile(`${pending}/${unit}`, '');
}

/** Units that are still to be restarted, also those that an earlier run has left. */
export async function restartsLeft({ pending }: Pick<CertificatesConfig, 'pending'>): Promise<string[]> {
  try {
    return (await readdir(pending)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export async function forgetRestart(
  { pending }: Pick<CertificatesConfig, 'pending'>,
  unit: string,
): Promise<void> {
  await rm(`${pending}/${unit}`, { force: true });
}
