/** What to do with a new cluster. */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { CreateResult } from '../api/commands.ts';
import { printableCommand } from '../errors.ts';
import { formatSeconds } from './output/duration.ts';

export interface NextStepsOptions {
  /** Whether the nodes are known to be Ready. */
  waited: boolean;
  /** The --kubeconfig that was given. */
  kubeconfig: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
}

export function nextSteps(result: CreateResult, { waited, kubeconfig, env }: NextStepsOptions): string {
  // npx sets this: the user has no `knest` on the PATH, then.
  const knest = env['npm_command'] === 'exec' ? ['npx', 'knest'] : ['knest'];
  const file = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  const list = isOnPath('kubectl', env['PATH'] ?? '')
    ? ['kubectl', ...file, '--context', result.context, 'get', 'nodes']
    : [...knest, 'kubectl', '--name', result.name, '--', 'get', 'nodes'];
  const remove = [...knest, 'delete', 'cluster', '--name', result.name, ...file];
  const state = waited ? `is Ready after ${formatSeconds(result.seconds)}` : 'is starting';
  return [
    '',
    `Cluster "${result.name}" ${state}: Kubernetes ${result.kubernetesVersion} at ${result.endpoint}`,
    '',
    `  ${printableCommand(list)}`,
    `  ${printableCommand(remove)}`,
  ].join('\n');
}

function isOnPath(program: string, path: string): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
