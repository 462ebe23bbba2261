import { networkChecks } from './network.ts';
import { programChecks } from './programs.ts';
import { systemChecks } from './system.ts';
import type { Check, HostFacts } from '../../facts/types.ts';

export interface Needs {
  /** A root file system or Kubernetes itself must still be built: more programs and more space. */
  building: boolean;
}

/** Everything that knest needs of a host or will do about it: one sentence, verdict and fix each. */
export function checkHost(facts: HostFacts, needs: Needs): Check[] {
  return [...systemChecks(facts, needs), ...programChecks(facts, needs), ...networkChecks(facts)];
}

/** Packages that would solve problems, in the words of the host's package manager; none for mere warnings. */
export function missingPackages(checks: readonly Check[]): string[] {
  const problems = checks.filter(({ verdict }) => verdict === 'problem');
  return [...new Set(problems.flatMap(({ packages }) => packages ?? []))].sort();
}
