import type { Check } from '../../facts/types.ts';

/** Short forms: the checks read as a list of sentences. */
export function ok(name: string, sentence: string): Check {
  return { name, sentence, verdict: 'ok' };
}

export function warning(name: string, sentence: string, fix: string): Check {
  return { name, sentence, verdict: 'warning', fix };
}

export function problem(name: string, sentence: string, fix: string): Check {
  return { name, sentence, verdict: 'problem', fix };
}
