/**
 * What is in a backup: a tar archive, compressed by gzip, with these members in this order.
 *
 *     backup.json           what it is of, and how much there is
 *     spec.json             the cluster as it was wanted
 *     plan.json             what knest had made of it; for readers, restoring plans anew
 *     pki/NAME              keys and certificates
 *     etcd.db               a snapshot of etcd, as etcdctl saves it
 *     volumes/NODE/N.tar    volumes of a node, if they are in it: one tar archive in pieces, in the order of their numbers
 *     SHA256SUMS            of all members before it, as sha256sum(1) reads it
 *
 * The checksums come last, as a backup is written in one go, also to where nothing can be changed afterwards.
 */

/** Raised when a reader must change. */
export const backupFormat = 1;

export const memberNames = {
  about: 'backup.json',
  spec: 'spec.json',
  plan: 'plan.json',
  pki: (file: string) => `pki/${file}`,
  etcd: 'etcd.db',
  volume: (node: string, piece: number) => `volumes/${node}/${String(piece).padStart(6, '0')}.tar`,
  sums: 'SHA256SUMS',
} as const;

/** backup.json */
export interface AboutBackup {
  format: typeof backupFormat;
  /** Version of the knest that wrote it. */
  knest: string;
  /** Name of the cluster. */
  cluster: string;
  /** ISO 8601. */
  taken: string;
  kubernetesVersion: string;
  etcd: {
    version: string;
    /** How many keys there were at this revision. */
    revision: string;
    keys: number;
    /** False: there was no quorum, and others may have known more. */
    complete: boolean;
  };
  /** Subnets by which objects name addresses. */
  network: { podSubnets: readonly string[]; serviceSubnets: readonly string[] };
  nodes: readonly { name: string; role: string }[];
  /** Names of the nodes whose volumes are in it; undefined: none were asked for. */
  volumes?: readonly string[];
}

/** @returns which file of pki/ a member is; undefined: none */
export function pkiFileOf(member: string): string | undefined {
  return /^pki\/([\w.-]+\.(?:crt|key|pub))$/.exec(member)?.[1];
}

/** @returns of which node a member has volumes; undefined: it has none */
export function volumeNodeOf(member: string): string | undefined {
  return /^volumes\/([a-z0-9.-]+)\/\d+\.tar$/.exec(member)?.[1];
}
