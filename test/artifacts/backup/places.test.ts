import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';

import { afterAll, describe, expect, it } from 'vitest';

import { openFile, openPlace } from '../../../src/artifacts/backup/places/open.ts';
import type { BackupPlace } from '../../../src/artifacts/backup/places/types.ts';
import { localHost } from '../../../src/host/local.ts';

const content = Buffer.alloc(9_000_000, 'a backup ');
const stream = (): Readable =>
  Readable.from([content.subarray(0, 100), content.subarray(100)], { objectMode: false });
const signal = new AbortController().signal;
const servers: (() => void)[] = [];
afterAll(() => {
  for (const close of servers) close();
});

/** An S3 server of a single bucket, as far as backups need one. */
async function bucket(): Promise<string> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '', 'http://s3');
      const key = decodeURIComponent(url.pathname.replace(/^\/lab\/?/, ''));
      const body = await buffer(request);
      const upload = url.searchParams.get('uploadId');
      if (!(request.headers.authorization ?? '').startsWith('AWS4-HMAC-SHA256 Credential=id/')) {
        response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      } else if (request.method === 'POST' && url.searchParams.has('uploads')) {
        uploads.set('1', new Map());
        response.end('<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>');
      } else if (request.method === 'PUT' && upload) {
        uploads.get(upload)?.set(Number(url.searchParams.get('partNumber')), body);
        response.writeHead(200, { etag: `"${createHash('md5').update(body).digest('hex')}"` }).end();
      } else if (request.method === 'POST' && upload) {
        const parts = [...(uploads.get(upload) ?? [])].sort(([a], [b]) => a - b);
        objects.set(key, Buffer.concat(parts.map(([, bytes]) => bytes)));
        response.end(
          `<CompleteMultipartUploadResult><Location>l</Location><Bucket>lab</Bucket><Key>${key}</Key><ETag>"e"</ETag></CompleteMultipartUploadResult>`,
        );
      } else if (request.method === 'GET' && url.searchParams.has('list-type')) {
        const entries = [...objects].map(
          ([name, bytes]) =>
            `<Contents><Key>${name}</Key><Size>${bytes.length}</Size><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>"e"</ETag></Contents>`,
        );
        response.end(
          `<ListBucketResult><KeyCount>${entries.length}</KeyCount><IsTruncated>false</IsTruncated>${entries.join('')}</ListBucketResult>`,
        );
      } else if (request.method === 'GET') {
        const found = objects.get(key);
        response.writeHead(found ? 200 : 404).end(found ?? '<Error><Code>NoSuchKey</Code></Error>');
      } else if (request.method === 'DELETE') {
        objects.delete(key);
        response.writeHead(204).end();
      } else response.writeHead(501).end();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A program ssh that is the shell of this machine. */
async function fakeSsh(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'knest-ssh-'));
  const script = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nexec sh -c "$1"\n';
  await writeFile(join(folder, 'ssh'), script);
  await chmod(join(folder, 'ssh'), 0o755);
  return folder;
}

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'knest-place-'));

const places: [string, () => Promise<BackupPlace>][] = [
  ['a folder', async () => openPlace(join(await folder(), 'new'), '--to', { local: localHost(), env: {} })],
  [
    'a folder behind ssh',
    async () => {
      const programs = await fakeSsh();
      const local = localHost();
      const desk = {
        local: {
          ...local,
          spawn: ((argv, options) =>
            local.spawn([join(programs, argv[0] ?? ''), ...argv.slice(1)], options)) as typeof local.spawn,
        },
        env: { HOME: '/root' },
      };
      return openPlace(`ssh://me@example.org:2222${await folder()}/new folder`, '--to', desk);
    },
  ],
  [
    'a bucket',
    async () => {
      const env = {
        AWS_ENDPOINT_URL: await bucket(),
        AWS_ACCESS_KEY_ID: 'id',
        AWS_SECRET_ACCESS_KEY: 'secret',
      };
      return openPlace('s3://lab/backups', '--to', { local: localHost(), env });
    },
  ],
];

describe.each(places)('%s', (_what, open) => {
  it('gives back what it was given', async () => {
    const place = await open();
    await expect(place.list()).resolves.toEqual([]);
    await expect(place.write('a.tar.gz', stream(), signal)).resolves.toBe(content.length);
    await expect(place.list()).resolves.toEqual([{ name: 'a.tar.gz', size: content.length }]);
    expect((await buffer(await place.read('a.tar.gz'))).equals(content)).toBe(true);
    await place.remove('a.tar.gz');
    await expect(place.list()).resolves.toEqual([]);
    await place.remove('a.tar.gz');
  });

  it('has nothing of what could not be written to its end', async () => {
    const place = await open();
    const failing = Readable.from(
      (async function* () {
        yield content;
        await Promise.resolve();
        throw new Error('etcd is gone');
      })(),
      { objectMode: false },
    );
    await expect(place.write('a.tar.gz', failing, signal)).rejects.toThrow('etcd is gone');
    expect((await place.list()).map(({ name }) => name).filter((name) => name === 'a.tar.gz')).toEqual([]);
  });

  it('says that a file is not there', async () => {
    const place = await open();
    await expect(place.read('b.tar.gz').then(text)).rejects.toThrow(/b\.tar\.gz|ssh ended with 1/);
  });
});

it('names of places that are none are refused', () => {
  const desk = { local: localHost(), env: {} };
  for (const place of ['ftp://host/folder', 's3://', 'ssh:///folder', 's3://bucket'])
    expect(() => openPlace(place, '--to', desk)).toThrow(/problem/);
  expect(() => openFile('/srv/backups/', desk)).toThrow(/problem/);
  expect(openFile('/srv/backups/a.tar.gz', desk)).toMatchObject({
    file: 'a.tar.gz',
    place: { name: '/srv/backups' },
  });
  expect(openFile('/a.tar.gz', desk).place.name).toBe('/');
});
