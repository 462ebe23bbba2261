/** A snapshot as etcd streams it: the pages of its database, and the sha256 of them behind. */

import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

import { KnestError } from '../../errors.ts';
import { EtcdError } from './etcd-error.ts';

/** Bytes of the digest at the end (etcd: etcdserver/api/v3rpc/maintenance.go, Snapshot). */
const digestLength = 32;

/** A line of the gateway's stream: a piece of the snapshot, or why there are no more. */
interface SnapshotLine {
  result?: { blob?: string };
  error?: { code?: number; grpc_code?: number; message?: string };
}

/**
 * The bytes of a snapshot file, as etcdctl saves it, from the answer of etcd's JSON gateway: a JSON object a line, with
 * base64 in it.
 * @throws EtcdError when the member gives up in between; KnestError when what came is not what its digest says
 */
export async function* snapshotBytes(answer: Readable, endpoint: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  // what may be the digest; never more than that
  let held: Buffer = Buffer.alloc(0);
  let size = 0;
  for await (const line of lines(answer)) {
    const piece = pieceOf(line, endpoint);
    size += piece.byteLength;
    yield piece;
    const seen = Buffer.concat([held, piece]);
    const pages = Math.max(0, seen.byteLength - digestLength);
    hash.update(seen.subarray(0, pages));
    held = seen.subarray(pages);
  }
  if (size > digestLength && hash.digest().equals(held)) return;
  throw new KnestError(`the snapshot of etcd at ${endpoint} did not arrive whole: ${size} bytes came`, {
    code: 'REQUEST_REFUSED',
    hint: 'run the same command again',
  });
}

function pieceOf(line: string, endpoint: string): Buffer {
  const { result, error } = JSON.parse(line) as SnapshotLine;
  if (error) {
    const { code = 0, grpc_code: grpcCode = code, message = '' } = error;
    throw new EtcdError(endpoint, 'maintenance/snapshot', grpcCode, message);
  }
  return Buffer.from(result?.blob ?? '', 'base64');
}

async function* lines(answer: Readable): AsyncGenerator<string> {
  let pieces: string[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    // base64 and JSON of etcd are ASCII: a piece never ends within a character
    const parts = chunk.toString('latin1').split('\n');
    for (const [index, part] of parts.entries()) {
      pieces.push(part);
      if (index === parts.length - 1) break;
      const line = pieces.join('');
      pieces = [];
      if (line.trim() !== '') yield line;
    }
  }
  const last = pieces.join('');
  if (last.trim() !== '') yield last;
}
