/** Whether a config file is in kind's format or knest's. */

import { valueAt } from '../problems.ts';

/** Whether the file is for kind, whatever the version of its format. */
export function isKindConfig(data: unknown): boolean {
  const apiVersion = valueAt(data, ['apiVersion']);
  return typeof apiVersion === 'string' && /^kind\.(x-k8s|sigs\.k8s)\.io\//.test(apiVersion);
}
