import { existsSync, realpathSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { KnestError } from '../errors.ts';
import { packageFile } from './package-file.ts';

/** What of the package it takes to run knest; without maps for stack traces. */
const parts = ['dist/bundle', 'assets', 'schema', 'package.json'];

/** A file of knest's own. */
export interface ProgramFile {
  /** Where it is. */
  path: string;
  /** Below knest's folder. */
  name: string;
  mode: number;
  size: number;
}

/** All files of knest itself. @throws KnestError when knest was not built */
export async function programFiles(): Promise<ProgramFile[]> {
  const main = packageFile('dist/bundle/cli/main.js');
  if (!existsSync(main)) {
    throw new KnestError(`${main} is missing: this knest was not built`, {
      code: 'INSTALLATION_INCOMPLETE',
      hint: 'npm run build',
    });
  }
  const found = await Promise.all(parts.map((part) => filesBelow(packageFile(part), part)));
  return found.flat().filter(({ name }) => !name.endsWith('.map'));
}

/** One that is somewhere else, under another name. */
export async function programFile(path: string, name: string): Promise<ProgramFile> {
  const { mode, size } = await stat(path);
  return { path, name, mode: mode & 0o111 ? 0o755 : 0o644, size };
}

/**
 * The Node.js that runs knest. One out of a bundle is run by a loader that lies beside its libraries, and takes itself for
 * that.
 */
export function nodeProgram(): string {
  const own = realpathSync(process.execPath);
  return /^ld(-linux|64)/.test(basename(own)) ? join(dirname(own), '../bin/node') : own;
}

async function filesBelow(path: string, name: string): Promise<ProgramFile[]> {
  const info = await stat(path);
  if (!info.isDirectory()) return [await programFile(path, name)];
  const names = (await readdir(path)).sort();
  const found = await Promise.all(names.map((one) => filesBelow(join(path, one), `${name}/${one}`)));
  return found.flat();
}
