import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import { beginningWith } from '../../../src/clients/etcd/keys.ts';
import { snapshotBytes } from '../../../src/clients/etcd/snapshot.ts';

const pages = Buffer.from('the pages of a database '.repeat(40));
const digest = createHash('sha256').update(pages).digest();

/** As the gateway sends it: a JSON object a line. */
function lineOf(blob: Uint8Array): string {
  return `${JSON.stringify({ result: { blob: Buffer.from(blob).toString('base64') } })}\n`;
}

/** Arrives in pieces that end anywhere. */
function arriving(text: string, size = 100): Readable {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Readable.from(
    Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size)),
  );
}

const read = (text: string): Promise<Buffer> =>
  buffer(Readable.from(snapshotBytes(arriving(text), 'https://a:2379'), { objectMode: false }));

describe('a snapshot of etcd', () => {
  it('is pages and digest, in whatever pieces they come', async () => {
    const whole = Buffer.concat([pages, digest]);
    await expect(read(lineOf(pages) + lineOf(digest))).resolves.toEqual(whole);
    // a piece may end within the digest
    await expect(
      read(lineOf(whole.subarray(0, -40)) + lineOf(whole.subarray(-40, -8)) + lineOf(whole.subarray(-8))),
    ).resolves.toEqual(whole);
    await expect(read(lineOf(whole).trimEnd())).resolves.toEqual(whole);
  });

  it('that is cut off is none', async () => {
    await expect(read(lineOf(pages))).rejects.toThrow(/did not arrive whole/);
    await expect(read(lineOf(pages) + lineOf(Buffer.alloc(32)))).rejects.toThrow(/did not arrive whole/);
    await expect(read('')).rejects.toThrow(/did not arrive whole: 0 bytes/);
  });

  it('says why the member gave up', async () => {
    const error = JSON.stringify({ error: { grpc_code: 14, message: 'etcdserver: stopped' } });
    await expect(read(`${lineOf(pages)}${error}\n`)).rejects.toThrow(/etcdserver: stopped/);
  });
});

it('a prefix ends before the next one begins', () => {
  const { key, range_end } = beginningWith('/registry/pods/');
  expect(Buffer.from(key, 'base64').toString()).toBe('/registry/pods/');
  expect(Buffer.from(range_end, 'base64').toString()).toBe('/registry/pods0');
});
