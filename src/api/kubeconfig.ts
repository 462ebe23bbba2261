import { resolve } from 'node:path';

/** The library's word for a kubeconfig in that of the operations: false is none, nothing is the user's own. */
export function kubeconfigFor(option: string | undefined): { kubeconfig?: string | false } {
  if (option === undefined) return { kubeconfig: false };
  return option === 'user' ? {} : { kubeconfig: resolve(option) };
}
