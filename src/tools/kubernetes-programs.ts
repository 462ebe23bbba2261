/** Kubernetes' own programs, asked what they know: they are started in a way in which they end at once. */

export type KubernetesProgram =
  'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kube-proxy' | 'kubelet';

/** "--help" comes last: what is wrong with a flag before it is said first, and nothing is started. */
export function tryFlagCommand(program: string, flag: string, value: string): string[] {
  return [program, `--${flag}=${value}`, '--help'];
}

/** What is wrong with a flag; undefined: nothing. @param output of tryFlagCommand, both streams */
export function flagFault(output: string): string | undefined {
  const said = /(unknown (?:shorthand )?flag: .*|invalid argument .*)/.exec(output)?.[1];
  return said?.trim();
}

/** A file that is not there: no program gets further than to looking for it. */
const nowhere = '/dev/null/none';

const endings: Readonly<Record<KubernetesProgram, string>> = {
  // what it stores in is the one thing that it insists on
  'kube-apiserver': '--etcd-servers=',
  'kube-controller-manager': `--kubeconfig=${nowhere}`,
  'kube-scheduler': `--config=${nowhere}`,
  'kube-proxy': `--config=${nowhere}`,
  kubelet: `--config=${nowhere}`,
};

/** Feature gates are looked at later than flags, and before what it ends of. @param path of the program */
export function tryGatesCommand(
  program: KubernetesProgram,
  path: string,
  gates: Readonly<Record<string, boolean>>,
): string[] {
  const pairs = Object.entries(gates).map(([name, on]) => `${name}=${on}`);
  return [path, `--feature-gates=${pairs.join(',')}`, endings[program]];
}

/** The first gate that it refuses, and why; undefined: none. @param output of tryGatesCommand, both streams */
export function gateFault(output: string): { gate: string; why: string } | undefined {
  const unknown = /unrecognized feature gate: (\w+)/.exec(output);
  if (unknown?.[1] !== undefined) return { gate: unknown[1], why: 'does not know it' };
  const locked = /cannot set feature gate (\w+) to (\w+), feature is locked to (\w+)/.exec(output);
  if (locked?.[1] === undefined) return undefined;
  return { gate: locked[1], why: `does not let it be ${locked[2] ?? ''}` };
}
