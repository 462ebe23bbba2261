/**
 * The one rule of what an etcd cluster needs to go on: more than half of the members that have a vote must be healthy.
 * Without that nothing can be written, and members can be neither added nor removed.
 */

/** What counts of a member. */
export interface QuorumMember {
  /** Its machine's. */
  name: string;
  /** Gets the data, but has no vote yet. */
  learner: boolean;
  /** See isHealthy. */
  healthy: boolean;
}

/**
 * Whether a member can cast its vote: it answers and knows a leader. Alarms do not count. A member with a full database
 * (NOSPACE), or with one that differs from the others' (CORRUPT), makes etcd refuse clients' writes, but it still votes,
 * on changes of the membership too. If it counted as dead, knest would refuse to replace it.
 * @param status what the member says of itself; undefined when it does not answer
 */
export function isHealthy(status: { leader: string | undefined } | undefined): boolean {
  return status?.leader !== undefined;
}

/** How many of so many members with a vote must be healthy. */
export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** How a vote would end. */
export interface Vote {
  /** Members with a vote. */
  voters: number;
  /** How many of them are healthy. */
  left: number;
  /** How many must be. */
  needed: number;
}

/** Whether enough members with a vote are healthy. */
export function hasQuorum(members: readonly QuorumMember[]): boolean {
  const { left, needed } = voteOf(members);
  return left >= needed;
}

/**
 * What it would cost to stop some members, which stay members all the same. Undefined when a quorum stays, or when there
 * is none to lose. A single member has none to lose either: its cluster stops with it, as was asked.
 */
export function lossByStopping(
  members: readonly QuorumMember[],
  stopping: readonly string[],
): Vote | undefined {
  if (voteOf(members).voters === 1 || !hasQuorum(members)) return undefined;
  const after = members.map((one) => (stopping.includes(one.name) ? { ...one, healthy: false } : one));
  return hasQuorum(after) ? undefined : voteOf(after);
}

/**
 * What it would cost to take some members out for good; undefined when the others have a quorum. Where there is none now
 * it is a loss as well: to take a member out is a change that the quorum of today must agree to.
 */
export function lossByRemoving(
  members: readonly QuorumMember[],
  leaving: readonly string[],
): Vote | undefined {
  const staying = members.filter(({ name }) => !leaving.includes(name));
  return hasQuorum(staying) && hasQuorum(members) ? undefined : voteOf(staying);
}

function voteOf(members: readonly QuorumMember[]): Vote {
  const voters = members.filter(({ learner }) => !learner);
  const healthy = voters.filter((one) => one.healthy);
  return { voters: voters.length, left: healthy.length, needed: quorumOf(voters.length) };
}
