import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http2';
import type { Http2Server, ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { listImages } from '../../../src/agent/images/list-images.ts';
import { fieldsOf } from '../../../src/agent/images/protobuf.ts';

let folder: string;
let server: Http2Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-cri-'));
});

afterEach(async () => {
  server?.close();
  await rm(folder, { recursive: true });
});

/** A container runtime that gives this answer to whoever asks for images. */
async function runtime(answer: (stream: ServerHttp2Stream) => void): Promise<string> {
  const socket = join(folder, 'runtime.sock');
  server = createServer();
  server.on('stream', (stream, headers) => {
    expect(headers[':path']).toBe('/runtime.v1.ImageService/ListImages');
    stream.on('data', () => undefined);
    stream.on('end', () => {
      answer(stream);
    });
  });
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
  return socket;
}

/** A field of wire type 2. */
function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

function answerWith(message: Buffer) {
  return (stream: ServerHttp2Stream): void => {
    const length = Buffer.alloc(5);
    length.writeUInt32BE(message.length, 1);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => {
      stream.sendTrailers({ 'grpc-status': '0' });
    });
    stream.end(Buffer.concat([length, message]));
  };
}

describe('listImages', () => {
  it('reads what the runtime answers', async () => {
    const busybox = Buffer.concat([
      field(1, 'sha256:aa'),
      field(2, 'example.test/busybox:1'),
      field(2, 'example.test/busybox:latest'),
      field(3, 'example.test/busybox@sha256:bb'),
      // size 300, uid { value: 0 }, pinned: true
      Buffer.from([(4 << 3) | 0, 0xac, 0x02]),
      field(5, ''),
      Buffer.from([(8 << 3) | 0, 1]),
    ]);
    const socket = await runtime(
      answerWith(Buffer.concat([field(1, busybox), field(1, field(1, 'sha256:cc'))])),
    );
    expect(await listImages(socket)).toEqual([
      {
        id: 'sha256:aa',
        tags: ['example.test/busybox:1', 'example.test/busybox:latest'],
        digests: ['example.test/busybox@sha256:bb'],
        size: 300,
      },
      { id: 'sha256:cc', tags: [], digests: [], size: 0 },
    ]);
  });

  it('has no images of a runtime without', async () => {
    expect(await listImages(await runtime(answerWith(Buffer.alloc(0))))).toEqual([]);
  });

  it('says what the runtime says', async () => {
    const socket = await runtime((stream) => {
      stream.respond(
        { ':status': 200, 'grpc-status': '12', 'grpc-message': 'unknown service runtime.v1.ImageService%21' },
        { endStream: true },
      );
    });
    await expect(listImages(socket)).rejects.toThrow('unknown service runtime.v1.ImageService!');
  });

  it('fails when nobody listens', async () => {
    await expect(listImages(join(folder, 'nothing.sock'))).rejects.toThrow(/ENOENT/);
  });
});

describe('protobuf', () => {
  it('reads large numbers', () => {
    expect([...fieldsOf(Buffer.from([8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]))]).toEqual([
      { number: 1, value: 2 ** 35 },
    ]);
  });

  it.each([
    ['a number', [8, 0x80]],
    ['a text', [10, 5, 0x61]],
  ])('refuses a message that ends within %s', (_, bytes) => {
    expect(() => [...fieldsOf(Buffer.from(bytes))]).toThrow(RangeError);
  });
});
