import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { download, fetchText, webClient } from '../../src/artifacts/download.ts';
import type { Download } from '../../src/artifacts/download.ts';
import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';
import { fakeBinary, releaseFixture, sumOf } from './release-server.ts';
import type { ReleaseFixture } from './release-server.ts';

const content = fakeBinary('kubelet', 'v1.30.1');
const client = await webClient({});
let folder: string;
let server: ReleaseFixture;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-download-'));
  server = await releaseFixture();
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

describe('download', () => {
  it.each(['truncate', 'reset'] as const)('continues after a body that ends early (%s)', async (kind) => {
    server.faults.push({ binary: 'kubelet', kind, times: 2 });
    await download(kubelet());
    expect(server.requests).toHaveLength(3);
    expect(server.requests[1]).toMatch(/kubelet bytes=[1-9]\d*-$/);
    expect(content.equals(await readFile(kubelet().path))).toBe(true);
    expect(await readdir(folder)).toEqual(['kubelet']);
  });

  it('tries again what the server cannot answer for a moment', async () => {
    server.faults.push({ binary: 'kubelet', kind: 'status', status: 503, times: 3 });
    await download(kubelet());
    expect(content.equals(await readFile(kubelet().path))).toBe(true);
  });

  it('starts over where the server knows no ranges', async () => {
    server.faults.push({ binary: 'kubelet', kind: 'truncate', times: 1 });
    server.faults.push({ binary: 'kubelet', kind: 'ignore-range', times: 1 });
    await download(kubelet());
    expect(server.requests).toHaveLength(2);
    expect(content.equals(await readFile(kubelet().path))).toBe(true);
  });

  it('starts over once when what was left is of another file', async () => {
    await writeFile(`${kubelet().path}.part`, 'something else');
    await download(kubelet());
    expect(server.requests).toHaveLength(2);
    expect(content.equals(await readFile(kubelet().path))).toBe(true);
  });

  it('gives up after five attempts without a new byte', async () => {
    server.faults.push({ binary: 'kubelet', kind: 'status', status: 500, times: 100 });
    await expect(download(kubelet())).rejects.toThrow(/could not be downloaded: the server answers 500$/);
    expect(server.requests).toHaveLength(5);
  });

  it('never shows a file with a wrong checksum', async () => {
    const wrong = { ...kubelet(), sha256: '0'.repeat(64) };
    await expect(download(wrong)).rejects.toThrow('has a wrong checksum; the file was removed');
    expect(await readdir(folder)).toEqual([]);
  });

  it('does not repeat what does not exist', async () => {
    await expect(download({ ...kubelet(), url: `${server.baseUrl}/nothing` })).rejects.toThrow(
      'does not exist there (404)',
    );
    expect(server.requests).toHaveLength(1);
  });

  it('reports a file that the host does not take as it is, without repeating', async () => {
    await writeFile(join(folder, 'file'), '');
    const lost = { ...kubelet(), path: join(folder, 'file', 'below') };
    await expect(download(lost)).rejects.toThrow(/ENOTDIR|EEXIST/);
    expect(server.requests).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('continues after a connection that broke before the host took anything', async () => {
    server.faults.push({ binary: 'kubelet', kind: 'reset', times: 1 });
    await download({ ...kubelet(), host: slowlyOpening(localHost()) });
    expect(content.equals(await readFile(kubelet().path))).toBe(true);
  });

  it('takes a file from a server of HTTP/1.0 that is faster than the disk', async () => {
    const large = randomBytes(8 << 20);
    // what such a server does: no Content-Length needed, no keep-alive, closed behind the last byte
    const old = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), large])));
    });
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    try {
      await download({
        ...kubelet(),
        host: slowlyWriting(localHost()),
        url: `http://127.0.0.1:${(old.address() as AddressInfo).port}/kubelet`,
        sha256: sumOf(large),
      });
      expect(large.equals(await readFile(kubelet().path))).toBe(true);
    } finally {
      old.close();
    }
  });

  it('goes through the proxy of the environment, past it for no_proxy', async () => {
    // a proxy gets the whole URL (or a CONNECT) and, here, does not know it
    const proxied = await webClient({ http_proxy: server.baseUrl });
    await expect(fetchText('http://release.invalid/x', { client: proxied, timeout: 500 })).rejects.toThrow();
    const past = await webClient({ http_proxy: 'http://127.0.0.1:9', no_proxy: '127.0.0.1' });
    expect(await fetchText(`${server.baseUrl}/release/stable.txt`, { client: past, timeout: 2000 })).toBe(
      'v1.30.1',
    );
  });
});

/** A host whose disk takes a while for each piece. */
function slowlyWriting(host: Host): Host {
  const slowly = async function* (content: AsyncIterable<Uint8Array>) {
    for await (const piece of content) {
      await setTimeout(2);
      yield piece;
    }
  };
  return {
    ...host,
    writeStream: (path, content, mode, options) =>
      host.writeStream(path, Readable.from(slowly(content)), mode, options),
  };
}

/** A host that takes longer to open a file than the server to answer and break. */
function slowlyOpening(host: Host): Host {
  return {
    ...host,
    writeStream: async (...args) => {
      await setTimeout(300);
      return host.writeStream(...args);
    },
  };
}

function kubelet(): Download {
  return {
    host: localHost(),
    url: `${server.baseUrl}/release/v1.30.1/bin/linux/amd64/kubelet`,
    path: join(folder, 'kubelet'),
    sha256: createHash('sha256').update(content).digest('hex'),
    client,
    signal: new AbortController().signal,
    retryDelay: 1,
  };
}
