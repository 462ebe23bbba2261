/** Which kubeconfigs are meant, by kubectl's rules (client-go, ClientConfigLoadingRules), as kind goes by them, too. */

import { dirname } from 'node:path';

import { KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';
import { behindLinks } from './links.ts';
import type { Workstation } from './workstation.ts';

/** The user's own side of things, as far as kubeconfigs need it. */
export type Desk = Pick<Workstation, 'local' | 'env'>;

/** All that may have a context: the flag alone, else the list $KUBECONFIG, else ~/.kube/config. */
export function kubeconfigPaths(flag: string | undefined, env: Desk['env']): [string, ...string[]] {
  if (flag !== undefined) return [flag];
  const [first, ...others] = new Set((env['KUBECONFIG'] ?? '').split(':').filter((path) => path !== ''));
  return first === undefined ? [`${env['HOME'] || '/root'}/.kube/config`] : [first, ...others];
}

/** The one to write to: the first that exists, else the last. */
export async function kubeconfigPath(flag: string | undefined, { local, env }: Desk): Promise<string> {
  const paths = kubeconfigPaths(flag, env);
  for (const path of paths.slice(0, -1)) {
    const file = await behindLinks(local, path);
    if (file !== undefined && (await local.stat(file)) !== undefined) return path;
  }
  return paths.at(-1) ?? paths[0];
}

/**
 * The file itself: replacing a link (to a synchronised folder, say) would cut it off.
 * @throws KnestError for what can be no kubeconfig: folders, devices, links that lead nowhere
 */
export async function realKubeconfig(local: Host, path: string): Promise<string> {
  const file = await behindLinks(local, path);
  if (file === undefined) throw unusable(path, 'its symbolic links lead in a circle');
  const found = await local.stat(file);
  if (found?.kind === 'directory' || (found === undefined && file.endsWith('/'))) {
    throw unusable(path, 'is a folder, not a file');
  }
  if (found?.kind === 'other') throw unusable(path, 'is a device or a pipe, not a file');
  if (found === undefined && file !== path && (await local.stat(dirname(file))) === undefined) {
    throw unusable(path, `is a link to ${file}, and there is no folder ${dirname(file)}`);
  }
  return file;
}

function unusable(path: string, why: string): KnestError {
  return new KnestError(`the kubeconfig ${path} ${why}`, {
    code: 'INVALID_KUBECONFIG',
    hint: 'name a file: --kubeconfig, or the variable KUBECONFIG',
  });
}
