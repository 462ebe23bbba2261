import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { etcdClient } from '../../clients/etcd/client.ts';
import type { EtcdClient } from '../../clients/etcd/client.ts';
import type { KeyCount } from '../../clients/etcd/keys.ts';
import { KnestError, messageOf } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import type { Host } from '../../host/types.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { etcdClientUrl } from '../../plan/components/etcd.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { MachinePlan } from '../../plan/types.ts';

/** A file with all that etcd had at one moment. */
export interface EtcdSnapshot {
  /** On the host. */
  file: string;
  /** Bytes. */
  size: number;
  /** Of the whole file. */
  sha256: string;
  /** Version of the etcd that wrote it: "3.4.23". */
  etcdVersion: string;
  /** How many keys there were at this revision; the snapshot has them, and what was written while it was taken. */
  count: KeyCount;
  /** Whether it has all that was acknowledged before: without a quorum nobody knows. */
  complete: boolean;
  /** ISO 8601. */
  taken: string;
}

export interface SaveOptions {
  host: Host;
  /** Of the cluster; those that do not run are passed over. */
  machines: readonly MachinePlan[];
  material: KeyMaterial;
  /** On the host; appears when it is whole, and only root may read it. */
  file: string;
  progress?: Progress;
  signal?: AbortSignal;
}

/**
 * Saves a snapshot of a running etcd, over its own API: neither a machine nor the host needs a program for it. Every write
 * that was acknowledged before the call is in it, as long as etcd has a quorum; else it is the member that knows most.
 * @throws KnestError when no member answers, or the file cannot be written
 */
export async function saveEtcdSnapshot(options: SaveOptions): Promise<EtcdSnapshot> {
  const { host, material, file, progress = () => undefined, signal } = options;
  const endpoints = controlPlanesOf(options.machines).map(etcdClientUrl);
  const client = etcdClient(endpoints, material, { via: host });
  const partial = `${file}.partial`;
  try {
    const source = await chooseMember(client);
    const taken = new Date().toISOString();
    const written = await writeSnapshot(
      host,
      await client.snapshot(source.endpoint, signal),
      partial,
      progress,
    );
    await host.rename(partial, file);
    const { etcdVersion, count, complete } = source;
    return { file, ...written, etcdVersion, count, complete, taken };
  } catch (error) {
    await host.remove(partial).catch(() => undefined);
    throw error;
  } finally {
    client.close();
  }
}

/** @returns bytes and sha256 of the whole file */
export async function writeSnapshot(
  host: Host,
  content: Readable,
  file: string,
  progress: Progress = () => undefined,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  // what a killed knest left would be added to
  await host.remove(file);
  const counting = Readable.from(hashed(content, hash, progress), { objectMode: false });
  const size = await host.writeStream(file, counting, 0o600);
  return { size, sha256: hash.digest('hex') };
}

async function* hashed(
  content: Readable,
  hash: ReturnType<typeof createHash>,
  progress: Progress,
): AsyncGenerator<Buffer> {
  let read = 0;
  let told = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    hash.update(chunk);
    read += chunk.byteLength;
    if (read - told > 20e6) {
      told = read;
      progress(`${Math.round(read / 1e6)} MB`);
    }
    yield chunk;
  }
}

interface Source {
  endpoint: string;
  etcdVersion: string;
  count: KeyCount;
  complete: boolean;
}

/** One that has caught up; where etcd has no quorum, the one that has applied most. */
async function chooseMember(client: EtcdClient): Promise<Source> {
  const asked = await Promise.all(
    client.endpoints.map(async (endpoint) => ({
      endpoint,
      status: await client.status(endpoint).catch((error: unknown) => messageOf(error)),
    })),
  );
  const members = asked.flatMap(({ endpoint, status }) =>
    typeof status === 'string' || status.learner ? [] : [{ endpoint, status }],
  );
  members.sort((a, b) => b.status.raftAppliedIndex - a.status.raftAppliedIndex);
  for (const complete of [true, false]) {
    for (const { endpoint, status } of members) {
      // a member that is asked so first gets everything that the others have agreed on
      const count = await client.count(endpoint, { local: !complete }).catch(() => undefined);
      if (count) return { endpoint, etcdVersion: status.version, count, complete };
    }
  }
  throw new KnestError('no member of etcd answers, and so none can be asked for a snapshot', {
    code: 'QUORUM_LOSS',
    details: asked.map(
      ({ endpoint, status }) => `${endpoint}: ${typeof status === 'string' ? status : 'has no vote yet'}`,
    ),
    hint: 'start the control planes: knest status cluster shows which do not run',
  });
}
