/** Debian as somebody's server has it, as a folder. */

import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { bootstrap } from '../../../src/artifacts/bootstrap.ts';
import { localHost } from '../../../src/host/local.ts';
import { gatherFacts } from '../../../src/observe/host/gather.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { pathsFromEnvironment } from '../../../src/workstation/paths.ts';

export interface DebianTree {
  suite: string;
  packages: readonly string[];
  /** By path; mode 0644 unless they say another one. */
  files: Readonly<Record<string, { text: string; mode?: number }>>;
  /** Symbolic links, instead of what is there: path -> what it leads to. */
  links: Readonly<Record<string, string>>;
}

/** From the mirror that this host has. @param target a folder that does not exist */
export async function makeDebianTree(tree: DebianTree, target: string): Promise<void> {
  const { suite, packages, files, links } = tree;
  const host = localHost();
  const paths = pathsFromEnvironment(process.env);
  const facts = await gatherFacts(host, paths, process.env, { apt: true });
  const { mirror, securityMirror, proxy } = facts.apt ?? {};
  const progress = () => undefined;
  await bootstrap(
    { suite, mirror, securityMirror, proxy, packages, target },
    { host, user: thisWorkstation(), paths, facts, progress },
  );
  for (const [path, { text, mode = 0o644 }] of Object.entries(files)) {
    await makeParents(target, path);
    await writeFile(target + path, text);
    await chmod(target + path, mode);
  }
  for (const [path, to] of Object.entries(links)) {
    await makeParents(target, path);
    await rm(target + path, { force: true });
    await symlink(to, target + path);
  }
}

/** Of an operating system everybody may see the folders, whatever the umask here. */
async function makeParents(target: string, path: string): Promise<void> {
  const folder = dirname(path);
  if (folder === '/' || existsSync(target + folder)) return;
  await makeParents(target, folder);
  await mkdir(target + folder);
  await chmod(target + folder, 0o755);
}
