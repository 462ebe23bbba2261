/**
 * Which state folders have clusters that stand on the layers of a cache: several may share one (KNEST_STATE_DIR). The cache
 * has a link to each, so that no layer is taken away under a cluster of another folder.
 */

import { createHash } from 'node:crypto';

import type { Host } from '../host/types.ts';
import type { Paths } from '../plan/types.ts';

function linksFolder({ cache }: Pick<Paths, 'cache'>): string {
  return `${cache}/state-folders`;
}

function linkOf(paths: Paths): string {
  const name = createHash('sha256').update(paths.state).digest('hex').slice(0, 12);
  return `${linksFolder(paths)}/${name}`;
}

/** Before the first of its clusters is written down. */
export async function noteStateFolder(host: Host, paths: Paths): Promise<void> {
  const link = linkOf(paths);
  if ((await host.readLink(link)) !== paths.state) await host.link(paths.state, link);
}

/** Of this cache: the given one, and all that were noted. */
export async function stateFolders(host: Host, paths: Paths): Promise<string[]> {
  const folder = linksFolder(paths);
  const names = await host.list(folder);
  const noted = await Promise.all(names.map((name) => host.readLink(`${folder}/${name}`)));
  return [...new Set([paths.state, ...noted.filter((one) => one !== undefined)])].sort();
}

/** Of one without clusters. */
export async function forgetStateFolder(host: Host, paths: Paths): Promise<void> {
  const link = linkOf(paths);
  if ((await host.readLink(link)) === undefined) return;
  await host.remove(link);
  await host.run(['rmdir', '--ignore-fail-on-non-empty', '--', linksFolder(paths)], { okExitCodes: 'any' });
}
