/**
 * Kubernetes of a version that nobody has released, for tests where only one can be compiled: the same programs, which
 * report another version. They hold it twice, as plain text of the same length.
 */

import { readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { lstatSync, mkdirSync } from 'node:fs';

/**
 * Writes a directory for --source, called after the version.
 * @param layer of Kubernetes, in the cache
 * @param version as long as the one that it is: "v1.20.3" of "v1.20.2"
 */
export async function makeOtherVersion(
  layer: string,
  { from, version, parent }: { from: string; version: string; parent: string },
): Promise<string> {
  if (version.length !== from.length) throw new Error(`${version} is not as long as ${from}`);
  const source = `${layer}/usr/local/bin`;
  const folder = `${parent}/${version}`;
  mkdirSync(folder, { recursive: true });
  for (const name of await readdir(source)) {
    const path = `${source}/${name}`;
    if (lstatSync(path).isSymbolicLink()) {
      await symlink(await readlink(path), `${folder}/${name}`);
      continue;
    }
    const program = await readFile(path);
    let found = 0;
    for (let at = program.indexOf(from); at >= 0; at = program.indexOf(from, at + 1)) {
      program.write(version, at, 'latin1');
      found += 1;
    }
    if (found === 0) throw new Error(`${path} does not say ${from}`);
    await writeFile(`${folder}/${name}`, program, { mode: 0o755 });
  }
  return folder;
}
