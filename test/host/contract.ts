/** What every Host promises. Run for each implementation. */

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { CommandError } from '../../src/errors.ts';
import { isAlive } from '../../src/host/process.ts';
import type { Host } from '../../src/host/types.ts';
import { programsContract } from './contract-programs.ts';
import { umaskContract } from './contract-umask.ts';
import { piecesOf } from './pieces.ts';

export interface Subject {
  host: Host;
  /** An empty folder on it. */
  folder: string;
  /** Real programs run on it, and the kernel is Linux. */
  real: boolean;
  end?: () => Promise<void>;
}

export function hostContract(name: string, open: () => Promise<Subject>): void {
  umaskContract(name, open);
  describe(`${name}: the contract of Host`, () => {
    const { real } = { real: name !== 'memory' };
    let subject: Subject;
    let host: Host;
    let folder: string;
    let number = 0;

    beforeAll(async () => {
      subject = await open();
      host = subject.host;
    });
    beforeEach(async () => {
      folder = `${subject.folder}/${(number += 1)}`;
      await host.makeDirectory(folder, 0o755);
    });
    afterAll(async () => {
      await host.remove(subject.folder);
      await subject.end?.();
    });
    const at = (path: string): string => `${folder}/${path}`;

    it('has a name, and knows who knest is there', async () => {
      expect(host.name).not.toBe('');
      const me = await host.identity();
      expect(await isAlive(host, me)).toBe(true);
      expect(await isAlive(host, { ...me, startTime: '0' })).toBe(false);
    });

    describe('files', () => {
      it('that are missing are undefined, empty or nothing to remove', async () => {
        await host.writeFile(at('file'), 'text', 0o644);
        for (const path of [at('none'), at('none/below'), at('file/below')]) {
          expect(await host.readFile(path)).toBeUndefined();
          expect(await host.readBytes(path)).toBeUndefined();
          expect(await host.stat(path)).toBeUndefined();
          expect(await host.list(path)).toEqual([]);
          expect(await host.readLink(path)).toBeUndefined();
          await host.remove(path);
        }
        expect(await codeOfFailure(buffer(host.readStream(at('none'))))).toBe('ENOENT');
        expect(await codeOfFailure(host.rename(at('none'), at('x')))).toBe('ENOENT');
        await expect(host.copy(at('none'), at('x'))).rejects.toThrow();
        expect(await codeOfFailure(host.readFile(folder))).toBe('EISDIR');
        expect(await codeOfFailure(buffer(host.readStream(folder)))).toBe('EISDIR');
      });

      it('come back as they were written, with their mode and parents', async () => {
        await host.writeFile(at('a/b/text'), 'grün\n', 0o600);
        expect(await host.readFile(at('a/b/text'))).toBe('grün\n');
        const info = await host.stat(at('a/b/text'));
        expect(info).toMatchObject({ kind: 'file', mode: 0o600, size: 6, uid: 0, gid: 0 });
        for (const time of [info?.mtimeMs, info?.ctimeMs]) {
          expect(Math.abs(Date.now() - (time ?? 0))).toBeLessThan(10_000);
        }
        expect(await host.stat(at('a'))).toMatchObject({ kind: 'directory', mode: 0o755 });
        await host.writeFile(at('a/b/text'), new Uint8Array([0, 255, 10]), 0o755, { sync: true });
        expect(await host.readBytes(at('a/b/text'))).toEqual(Buffer.from([0, 255, 10]));
        expect(await host.stat(at('a/b/text'))).toMatchObject({ mode: 0o755, size: 3 });
        expect(await host.list(at('a/b'))).toEqual(['text']);
        await host.writeFile(at('empty'), '', 0o644);
        expect(await host.readFile(at('empty'))).toBe('');
      });

      it('tell by their state whether it is the same file, unchanged, whatever its name is', async () => {
        const stateOf = async (name: string) => (await host.stat(at(name), { follow: true }))?.state;
        await host.writeFile(at('one'), 'text', 0o644);
        await host.link('one', at('link'));
        await host.link('link', at('link-to-it'));
        const before = await stateOf('one');
        expect(before).toBeDefined();
        expect([await stateOf('one'), await stateOf('link'), await stateOf('link-to-it')]).toEqual(
          Array(3).fill(before),
        );
        expect((await host.stat(at('link')))?.kind).toBe('link');
        expect(await host.stat(at('link'), { follow: true })).toMatchObject({ kind: 'file', size: 4 });
        await host.copy(at('one'), at('copy'));
        await host.writeFile(at('one'), 'TEXT', 0o644);
        expect(await stateOf('link')).not.toBe(before);
        expect(await stateOf('copy')).not.toBe(before);
        await host.link('nowhere', at('lost'));
        expect(await host.stat(at('lost'), { follow: true })).toBeUndefined();
      });

      it('are not written where a directory is, and leave nothing behind', async () => {
        await host.writeFile(at('taken/x'), '', 0o644);
        await expect(host.writeFile(at('taken'), 'text', 0o644)).rejects.toThrow();
        await expect(host.writeStream(at('taken'), Readable.from([]), 0o644)).rejects.toThrow();
        await expect(host.link('target', at('taken'))).rejects.toThrow();
        await expect(host.writeFile(at('taken/x/below'), 'text', 0o644)).rejects.toThrow();
        expect(await host.list(folder)).toEqual(['taken']);
      });

      it('are streamed both ways, tens of megabytes of any bytes', async () => {
        const bytes = randomBytes(30 << 20);
        const pieces = Readable.from(piecesOf(bytes), { objectMode: false });
        expect(await host.writeStream(at('big'), pieces, 0o640)).toBe(bytes.length);
        expect(await host.stat(at('big'))).toMatchObject({ size: bytes.length, mode: 0o640 });
        const hash = createHash('sha256');
        for await (const chunk of host.readStream(at('big'))) hash.update(chunk as Buffer);
        expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
        const part = await buffer(host.readStream(at('big'), { start: 5, end: 9 }));
        expect(part).toEqual(bytes.subarray(5, 10));
        expect((await buffer(host.readStream(at('big'), { start: bytes.length - 3 }))).length).toBe(3);
        // a reader that goes away is nothing special
        for await (const chunk of host.readStream(at('big'))) if (chunk) break;
        expect((await host.readBytes(at('big')))?.length).toBe(bytes.length);
      });

      it('keep what a stream that breaks has brought only where that is asked for', async () => {
        const breaking = (): Readable =>
          Readable.from(
            (async function* () {
              yield Buffer.from('first ');
              await sleep(20);
              throw new TypeError('the source broke');
            })(),
            { objectMode: false },
          );
        await host.writeFile(at('whole'), 'old', 0o644);
        const broken = Readable.from([]).destroy(new TypeError('broken before'));
        await expect(host.writeStream(at('deep/whole'), broken, 0o644)).rejects.toThrow('broken before');
        await host.remove(at('deep'));
        await expect(host.writeStream(at('whole'), breaking(), 0o644)).rejects.toBeInstanceOf(TypeError);
        expect(await host.readFile(at('whole'))).toBe('old');
        await expect(host.writeStream(at('part'), breaking(), 0o600, { append: true })).rejects.toThrow(
          'the source broke',
        );
        expect(
          await host.writeStream(at('part'), Readable.from([Buffer.from('second')]), 0o600, { append: true }),
        ).toBe(6);
        expect(await host.readFile(at('part'))).toBe('first second');
        expect(await host.list(folder)).toEqual(['part', 'whole']);
      });

      it('are put by the hundred in one call', async () => {
        const entries = Array.from({ length: 500 }, (_, index) => {
          const path = at(`tree/${index % 10}/${index}`);
          if (index % 50 === 0) return { path, directory: true as const, mode: 0o710 };
          if (index % 7 === 0) return { path, link: `to-${index}` };
          return {
            path,
            content: index % 2 ? `text ${index}` : new Uint8Array([index % 256, 0]),
            mode: 0o640,
          };
        });
        await host.put(entries);
        await host.put([]);
        let files = 0;
        for (let folderNumber = 0; folderNumber < 10; folderNumber += 1) {
          files += (await host.list(at(`tree/${folderNumber}`))).length;
        }
        expect(files).toBe(500);
        expect(await host.readFile(at('tree/1/11'))).toBe('text 11');
        expect(await host.readBytes(at('tree/2/12'))).toEqual(Buffer.from([12, 0]));
        expect(await host.readLink(at('tree/7/7'))).toBe('to-7');
        expect(await host.stat(at('tree/0/50'))).toMatchObject({ kind: 'directory', mode: 0o710 });
        expect(await host.stat(at('tree/1/11'))).toMatchObject({ mode: 0o640 });
      });

      it('are told apart by kind, listed in order, and renamed', async () => {
        await host.put([
          { path: at('c'), content: '', mode: 0o644 },
          { path: at('.a'), directory: true, mode: 0o750 },
          { path: at('b'), link: '/no/such/target' },
        ]);
        expect(await host.list(folder)).toEqual(['.a', 'b', 'c']);
        expect((await host.stat(at('b')))?.kind).toBe('link');
        expect((await host.stat(at('.a')))?.kind).toBe('directory');
        if (real) expect((await host.stat('/dev/null'))?.kind).toBe('other');
        await host.writeFile(at('.a/in'), 'x', 0o644);
        await host.rename(at('.a'), at('d'));
        await host.rename(at('c'), at('b'));
        expect(await host.list(folder)).toEqual(['b', 'd']);
        expect(await host.readFile(at('d/in'))).toBe('x');
        expect((await host.stat(at('b')))?.kind).toBe('file');
        expect(await codeOfFailure(host.rename(at('b'), at('none/b')))).toBe('ENOENT');
        await host.writeFile(at('e/in'), '', 0o644);
        expect(await codeOfFailure(host.rename(at('e'), at('d')))).toBe('ENOTEMPTY');
      });

      it('are copied with modes and links, and removed with all below', async () => {
        await host.put([
          { path: at('from/file'), content: 'text', mode: 0o751 },
          { path: at('from/sub'), directory: true, mode: 0o700 },
          { path: at('from/sub/link'), link: '../file' },
          { path: at('from/outside'), link: at('kept') },
          { path: at('kept/precious'), content: 'x', mode: 0o644 },
        ]);
        if (real) await host.run(['chown', '123:456', '--', at('from/file')]);
        await host.copy(at('from'), at('to'));
        await host.copy(at('from/file'), at('single'));
        expect(await host.list(at('to'))).toEqual(['file', 'outside', 'sub']);
        expect(await host.readLink(at('to/sub/link'))).toBe('../file');
        const [before, after] = [await host.stat(at('from/file')), await host.stat(at('to/file'))];
        // another file, made now
        const own = { state: expect.any(String) as string, ctimeMs: expect.any(Number) as number };
        expect(after).toEqual({ ...before, ...own });
        expect(await host.stat(at('single'))).toEqual({ ...before, ...own });
        if (real) expect(after).toMatchObject({ uid: 123, gid: 456, mode: 0o751 });
        expect(await host.stat(at('to/sub'))).toMatchObject({ mode: 0o700 });
        await host.remove(at('from'));
        await host.remove(at('to/outside'));
        expect(await host.list(folder)).toEqual(['kept', 'single', 'to']);
        expect(await host.list(at('kept'))).toEqual(['precious']);
      });
    });

    it('makes directories with parents, and sets the mode of one that is there', async () => {
      await host.makeDirectory(at('a/b'), 0o700);
      await host.makeDirectory(at('a/b'), 0o733);
      expect(await host.stat(at('a/b'))).toMatchObject({ kind: 'directory', mode: 0o733 });
      await host.writeFile(at('file'), '', 0o644);
      await expect(host.makeDirectory(at('file/x'), 0o755)).rejects.toThrow();
    });

    describe('links', () => {
      it('are made and replaced, also where a file was; reading follows them', async () => {
        await host.writeFile(at('file'), 'text', 0o644);
        for (const target of ['one', 'file']) await host.link(target, at('a/link'));
        expect(await host.readLink(at('a/link'))).toBe('file');
        await host.link('file', at('link'));
        expect(await host.readFile(at('link'))).toBe('text');
        expect(await host.readLink(at('file'))).toBeUndefined();
        expect(await host.readLink(folder)).toBeUndefined();
        await host.link('three', at('file'));
        expect(await host.readLink(at('file'))).toBe('three');
        expect(await host.list(at('a'))).toEqual(['link']);
      });

      it('are made exclusively by one of many', async () => {
        const won = await Promise.all(
          Array.from({ length: 20 }, (_, index) => host.linkExclusively(`holder ${index}`, at('lock'))),
        );
        expect(won.filter(Boolean).length).toBe(1);
        expect(await host.readLink(at('lock'))).toBe(`holder ${won.indexOf(true)}`);
        await host.writeFile(at('file'), '', 0o644);
        expect(await host.linkExclusively('x', at('file'))).toBe(false);
        expect(await codeOfFailure(host.linkExclusively('x', at('none/lock')))).toBe('ENOENT');
      });
    });

    it('refuses connections that nobody accepts', async () => {
      const port = await freePort();
      expect(await codeOfFailure(host.connect('127.0.0.1', port, { timeout: 5_000 }))).toBe('ECONNREFUSED');
    });

    // The memory host plays programs and files only. It has no kernel and no network, so what follows is no promise of
    // its: these tests are not made for it.
    if (!real) return;

    describe('connect', () => {
      let server: Server;
      let port: number;
      beforeAll(async () => {
        // half open: it echoes until the other side has said its last word
        server = createServer({ allowHalfOpen: true }, (socket) =>
          socket.on('error', () => undefined).pipe(socket),
        );
        port = await listen(server);
      });
      afterAll(() => {
        server.close();
      });

      it('carries bytes both ways until both sides have ended', async () => {
        const bytes = randomBytes(12 << 20);
        const socket = await host.connect('127.0.0.1', port, { timeout: 5_000 });
        const back = buffer(socket);
        Readable.from(piecesOf(bytes), { objectMode: false }).pipe(socket);
        expect((await back).equals(bytes)).toBe(true);
      });

      it('gives up in time, and when told to', async () => {
        // 192.0.2.0/24 is nobody's (RFC 5737): packets get lost, or the kernel knows no way
        const failure = await codeOfFailure(host.connect('192.0.2.1', 9, { timeout: 100 }));
        expect(['ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH', 'ECONNREFUSED']).toContain(failure);
        const signal = AbortSignal.abort(new Error('enough'));
        await expect(host.connect('127.0.0.1', port, { signal })).rejects.toThrow('enough');
      });
    });

    describe('programs', () => {
      programsContract({ host: () => host, at });
    });

    it('reads what the kernel makes up as it is read', async () => {
      expect(await host.readFile('/proc/self/status')).toMatch(/^Name:/);
      expect((await host.readBytes('/proc/version'))?.length).toBeGreaterThan(10);
      expect((await buffer(host.readStream('/proc/version'))).toString()).toMatch(/^Linux/);
      expect(await host.readFile('/proc/999999999/stat')).toBeUndefined();
    });

    it.skipIf(!canMount())(
      'does not remove what is mounted in a tree (skipped where this user may not mount)',
      async () => {
        await host.makeDirectory(at('tree/mounted'), 0o755);
        await host.run(['mount', '-t', 'tmpfs', 'tmpfs', at('tree/mounted')]);
        try {
          await host.writeFile(at('tree/mounted/precious'), '', 0o644);
          await expect(host.remove(at('tree'))).rejects.toThrow(CommandError);
          expect(await host.list(at('tree/mounted'))).toEqual(['precious']);
        } finally {
          await host.run(['umount', at('tree/mounted')]);
        }
        await host.remove(at('tree'));
        expect(await host.stat(at('tree'))).toBeUndefined();
      },
    );
  });
}

async function codeOfFailure(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof Error && 'code' in error ? error.code : error;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** CAP_SYS_ADMIN, asked of the kernel. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}
