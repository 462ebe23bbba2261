/** etcdctl(1) and etcdutl(1): snapshots of etcd, offline. What asks running members is src/clients/etcd. */

/** etcdutl is the one that works on files from 3.5 on; etcdctl can do it until 3.5, and no more in 3.6. */
export type SnapshotTool = 'etcdctl' | 'etcdutl';

/** Where the programs are, within a machine's file system and its layers. */
export const snapshotTools: Readonly<Record<SnapshotTool, string>> = {
  etcdutl: '/usr/bin/etcdutl',
  etcdctl: '/usr/bin/etcdctl',
};

export interface SnapshotRestore {
  /** Snapshot file, with the digest at its end. */
  file: string;
  /** Made by the program; must not be there. */
  dataDir: string;
  /** Name of the member whose data it becomes. */
  name: string;
  /** All members of the new cluster: name -> peer URL. */
  members: Readonly<Record<string, string>>;
  /** Members that were restored with another one never find each other. */
  token: string;
}

/** Makes the data of one member of a new cluster out of a snapshot. */
export function restoreSnapshotCommand(tool: string, restore: SnapshotRestore): string[] {
  const { file, dataDir, name, members, token } = restore;
  const all = Object.entries(members).map(([member, url]) => `${member}=${url}`);
  return [
    ...[tool, 'snapshot', 'restore', file],
    `--data-dir=${dataDir}`,
    `--name=${name}`,
    `--initial-cluster=${all.join(',')}`,
    `--initial-cluster-token=${token}`,
    `--initial-advertise-peer-urls=${members[name] ?? ''}`,
  ];
}

/** See parseSnapshotStatus. */
export function snapshotStatusCommand(tool: string, file: string): string[] {
  return [tool, 'snapshot', 'status', file, '--write-out=json'];
}

export interface SnapshotStatus {
  /** Of all keys, values and revisions; the same data has the same one. */
  hash: number;
  revision: number;
  /** Of keys in all revisions that are kept. */
  totalKeys: number;
  /** Bytes. */
  size: number;
}

/** @returns undefined: it said something else */
export function parseSnapshotStatus(stdout: string): SnapshotStatus | undefined {
  try {
    const said = JSON.parse(stdout) as Partial<
      Record<'hash' | 'revision' | 'totalKey' | 'totalSize', number>
    >;
    const { hash, revision, totalKey: totalKeys, totalSize: size } = said;
    if (hash === undefined || revision === undefined || totalKeys === undefined || size === undefined)
      return undefined;
    return { hash, revision, totalKeys, size };
  } catch {
    return undefined;
  }
}
