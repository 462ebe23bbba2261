/** What etcd says: in our words, and in those of its JSON gateway. */

/** A member of an etcd cluster. Ids are unsigned 64 bit numbers in decimal, too large for a JavaScript number. */
export interface EtcdMember {
  id: string;
  /** Its machine's; empty until it has started for the first time. */
  name: string;
  peerUrls: readonly string[];
  /** Empty until it has started for the first time. */
  clientUrls: readonly string[];
  /** Gets the data, but has no vote yet. */
  learner: boolean;
}

/** What one member says of itself. */
export interface EtcdMemberStatus {
  id: string;
  version: string;
  /** Id of the leader; undefined while there is none. */
  leader: string | undefined;
  learner: boolean;
  /** Bytes of the database file, and what of it is not free. */
  dbSize: number;
  dbSizeInUse: number;
  raftTerm: number;
  raftIndex: number;
  raftAppliedIndex: number;
  /** In etcd's words: "etcdserver: no leader", "memberID:... alarm:NOSPACE". */
  errors: readonly string[];
}

export interface EtcdAlarm {
  /** Id of the member that raised it. */
  member: string;
  /** NOSPACE or CORRUPT. */
  alarm: string;
}

/** As etcdctl shows them. */
export function hexId(id: string): string {
  return BigInt(id).toString(16);
}

/** Zeroes, empty texts and false are left out of the gateway's JSON; 64 bit numbers are texts. */
export interface MemberObject {
  ID?: string;
  name?: string;
  peerURLs?: string[];
  clientURLs?: string[];
  isLearner?: boolean;
}

export interface StatusObject {
  header?: { member_id?: string };
  version?: string;
  leader?: string;
  isLearner?: boolean;
  dbSize?: string;
  dbSizeInUse?: string;
  raftTerm?: string;
  raftIndex?: string;
  raftAppliedIndex?: string;
  errors?: string[];
}

export interface AlarmObject {
  memberID?: string;
  alarm: string;
}

export function readAlarm({ memberID, alarm }: AlarmObject): EtcdAlarm {
  return { member: memberID ?? '0', alarm };
}

export function readMember(member: MemberObject): EtcdMember {
  return {
    id: member.ID ?? '0',
    name: member.name ?? '',
    peerUrls: member.peerURLs ?? [],
    clientUrls: member.clientURLs ?? [],
    learner: member.isLearner ?? false,
  };
}

export function readStatus(status: StatusObject): EtcdMemberStatus {
  return {
    id: status.header?.member_id ?? '0',
    version: status.version ?? '',
    leader: status.leader,
    learner: status.isLearner ?? false,
    dbSize: Number(status.dbSize ?? 0),
    dbSizeInUse: Number(status.dbSizeInUse ?? 0),
    raftTerm: Number(status.raftTerm ?? 0),
    raftIndex: Number(status.raftIndex ?? 0),
    raftAppliedIndex: Number(status.raftAppliedIndex ?? 0),
    errors: (status.errors ?? []).map((error) => error.trim()),
  };
}
