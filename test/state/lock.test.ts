import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import { formatIdentity, identifyProcess } from '../../src/host/process.ts';
import type { Host } from '../../src/host/types.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { deadHolders, thisProcess } from '../fixtures/processes.ts';

const host = localHost();
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-lock-'));
  path = join(folder, 'locks', 'dev');
});

afterEach(() => rm(folder, { recursive: true }));

describe('acquireLock', () => {
  it('names its holder, and leaves nothing when it is released', async () => {
    const lock = await acquireLock(host, path);
    expect(await readlink(path)).toBe(formatIdentity(await thisProcess()).trimEnd());
    expect(await readdir(join(folder, 'locks'))).toEqual(['dev']);
    await lock.release();
    expect(await readdir(join(folder, 'locks'))).toEqual([]);
    await lock.release();
  });

  it('refuses a second holder of the same process', async () => {
    const lock = await acquireLock(host, path);
    await expect(acquireLock(host, path)).rejects.toMatchObject({
      kind: 'locked',
      message: expect.stringContaining(`pid ${process.pid}`) as string,
      hint: expect.stringContaining(`kill ${process.pid}`) as string,
    });
    await lock.release();
    await (await acquireLock(host, path)).release();
  });

  it('refuses while another process holds it, and takes over when that one is killed', async () => {
    const other = spawn('sleep', ['60']);
    await once(other, 'spawn');
    const identity = await identifyProcess(host, other.pid ?? 0);
    if (!identity) throw new Error('no process');
    await host.link(formatIdentity(identity).trimEnd(), path);
    await expect(acquireLock(host, path)).rejects.toMatchObject({ kind: 'locked' });
    other.kill('SIGKILL');
    await once(other, 'exit');
    await (await acquireLock(host, path)).release();
  });

  it('takes over from holders that no longer live', async () => {
    for (const [name, holder] of Object.entries(await deadHolders())) {
      await host.link(formatIdentity(holder).trimEnd(), path);
      const lock = await acquireLock(host, path);
      expect(await readlink(path), name).toBe(formatIdentity(await thisProcess()).trimEnd());
      await lock.release();
    }
  });

  it.each(['garbage', '123'])('takes over a lock that names nobody: "%s"', async (text) => {
    await host.link(text, path);
    await (await acquireLock(host, path)).release();
  });

  it('leaves alone what is no lock', async () => {
    await host.writeFile(path, 'a file', 0o644);
    await expect(acquireLock(host, path)).rejects.toThrow('in the way');
    expect(await readFile(path, 'utf8')).toBe('a file');
  });

  it('waits when asked to, and tells once for whom', async () => {
    const first = await acquireLock(host, path);
    const told: number[] = [];
    let have = false;
    const second = acquireLock(host, path, { wait: true, onWait: (pid) => told.push(pid) }).then((lock) => {
      have = true;
      return lock;
    });
    await sleep(450);
    expect(have).toBe(false);
    await first.release();
    await (await second).release();
    expect(told).toEqual([process.pid]);
  });

  it('stops waiting when told to', async () => {
    const first = await acquireLock(host, path);
    const controller = new AbortController();
    const second = acquireLock(host, path, { wait: true, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(second).rejects.toThrow();
    await first.release();
    expect(await readdir(join(folder, 'locks'))).toEqual([]);
  });

  it.each(['a free lock', 'a stale lock'])('is never held twice when many want %s', async (kind) => {
    if (kind === 'a stale lock') await host.link('stale', path);
    let holders = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const lock = await acquireLock(host, path, { wait: true });
        holders += 1;
        most = Math.max(most, holders);
        await sleep(2);
        holders -= 1;
        await lock.release();
      }),
    );
    expect(most).toBe(1);
    expect(await readdir(join(folder, 'locks'))).toEqual([]);
  });

  it('does not remove a lock that was taken since it looked', async () => {
    const mine = await acquireLock(host, path);
    let looks = 0;
    const late: Host = {
      ...host,
      readLink: (link) => (looks++ === 0 ? Promise.resolve('stale') : host.readLink(link)),
    };
    await expect(acquireLock(late, path)).rejects.toMatchObject({ kind: 'locked' });
    expect(looks).toBe(2);
    await mine.release();
  });

  it('that could not be removed fails nobody, and can be taken again by the same process, once', async () => {
    let failing = true;
    const full: Host = {
      ...host,
      remove: (file) => (failing ? Promise.reject(new Error('EIO')) : host.remove(file)),
    };
    await (await acquireLock(full, path)).release();
    failing = false;
    const again = await acquireLock(full, path);
    await expect(acquireLock(full, path)).rejects.toMatchObject({ kind: 'locked' });
    await again.release();
    expect(await readdir(join(folder, 'locks'))).toEqual([]);
  });

  it('survives that its folder is removed by another knest meanwhile', async () => {
    await writeFile(join(folder, 'other'), '');
    let removed = 0;
    const racing = {
      ...host,
      makeDirectory: async (directory: string, mode: number) => {
        await host.makeDirectory(directory, mode);
        if (removed++ === 0) await host.remove(directory);
      },
    };
    await (await acquireLock(racing, path)).release();
    expect(removed).toBe(2);
  });
});
