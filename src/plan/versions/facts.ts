/** What a fact about Kubernetes' versions looks like, and how the one that holds for a version is found. */

import semver from 'semver';

/** The minor versions that the facts were gathered for: 1.20 is the oldest that knest makes clusters of. */
export const oldestMinor = 20;
export const newestMinor = 37;

/** A value that holds for some minor versions in a row, and where that is written. */
export interface Fact<T> {
  /** The first minor version that it holds for: 31 of 1.31. Default: the oldest. */
  since?: number;
  /** The last one. Default: it still holds, so for versions that are newer than the table as well. */
  until?: number;
  value: T;
  /**
   * Where it can be looked up: a changelog of Kubernetes (CHANGELOG/CHANGELOG-1.35.md), an enhancement proposal (KEP), a
   * file of its source at a version, or the number of an issue or pull request in kubernetes/kubernetes.
   */
  source: string;
}

/** One question about a version, with an answer for each. */
export interface Topic<T> {
  /** For readers of the generated page. */
  what: string;
  facts: readonly Fact<T>[];
  /** Where no fact says anything. */
  otherwise?: T;
}

/** A topic that is answered yes for some versions in a row, and no for the others. */
export function holds(what: string, range: Omit<Fact<boolean>, 'value'>): Topic<boolean> {
  return { what, facts: [{ ...range, value: true }], otherwise: false };
}

/** 36 of "v1.36.2". A version 2.x would be newer than all that is known. */
export function minorOf(version: string): number {
  const { major, minor } = semver.parse(version) ?? { major: 1, minor: newestMinor };
  return major > 1 ? Number.MAX_SAFE_INTEGER : minor;
}

/**
 * What a topic says of a minor version. For newer ones than the table it is what holds for the newest.
 * @throws RangeError for versions that the topic knows nothing of
 */
export function valueAt<T>({ what, facts, otherwise }: Topic<T>, minor: number): T {
  const fact = facts.find((one) => covers(one, minor));
  if (fact) return fact.value;
  if (otherwise !== undefined) return otherwise;
  throw new RangeError(`nothing is known about 1.${minor}: ${what}`);
}

/** Whether a fact holds for a minor version. */
export function covers(
  { since = 0, until = Infinity }: Omit<Fact<unknown>, 'value'>,
  minor: number,
): boolean {
  return minor >= since && minor <= until;
}
