/** Folders that a user asks for: a plan to read, logs to attach to a report. */

import { dirname, join } from 'node:path';

import type { TreeEntry } from '../host/types.ts';
import type { Desk } from './kubeconfig-paths.ts';
import { giveTo, makeUserFolder, newOwner } from './user-file.ts';

/** A file of such a folder; `path` is relative to it. */
export interface UserFile {
  path: string;
  mode: number;
  content: { text: string } | { link: string };
}

/**
 * Writes files into a folder, which is made where missing. All of it belongs to whoever the folder is for: see newOwner.
 * Folders come before files and links last, so that nothing is written to where a link leads.
 */
export async function writeUserFolder(desk: Desk, folder: string, files: readonly UserFile[]): Promise<void> {
  await makeUserFolder(desk, folder);
  const folders = [...new Set(files.map(({ path }) => dirname(path)))].filter((path) => path !== '.');
  const entries = [
    ...folders.map((path): TreeEntry => ({ path: join(folder, path), directory: true, mode: 0o755 })),
    ...files.flatMap(({ path, mode, content }): TreeEntry[] =>
      'text' in content ? [{ path: join(folder, path), content: content.text, mode }] : [],
    ),
    ...files.flatMap(({ path, content }): TreeEntry[] =>
      'link' in content ? [{ path: join(folder, path), link: content.link }] : [],
    ),
  ];
  await desk.local.put(entries);
  const made = new Set(files.map(({ path }) => join(folder, path.split('/')[0] ?? '')));
  await giveTo(desk, await newOwner(desk, join(folder, 'any')), [...made]);
}
