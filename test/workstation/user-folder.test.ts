import { chown, lstat, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import { writeUserFolder } from '../../src/workstation/user-folder.ts';
import type { UserFile } from '../../src/workstation/user-folder.ts';

const files: UserFile[] = [
  { path: 'plan.json', mode: 0o644, content: { text: '{}' } },
  { path: 'host/setup.sh', mode: 0o755, content: { text: '#!/bin/sh\n' } },
  { path: 'machines/a/root/etc/localtime', mode: 0o777, content: { link: '/usr/share/zoneinfo/UTC' } },
];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-folder-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('makes what is missing, with the modes that are asked for', async () => {
  const before = process.umask(0o077);
  try {
    await writeUserFolder({ local: localHost(), env: {} }, join(folder, 'a/b'), files);
  } finally {
    process.umask(before);
  }
  expect(await readFile(join(folder, 'a/b/plan.json'), 'utf8')).toBe('{}');
  const modeOf = async (path: string) => (await lstat(join(folder, 'a/b', path))).mode & 0o777;
  expect(await modeOf('host/setup.sh')).toBe(0o755);
  expect(await modeOf('machines/a')).toBe(0o755);
});

describe.skipIf(process.getuid?.() !== 0)('as root', () => {
  /** Of every file and folder below a path, itself included. */
  async function ownersIn(path: string): Promise<Set<string>> {
    const names = await readdir(path, { recursive: true });
    const all = await Promise.all(['', ...names].map((name) => lstat(join(path, name))));
    return new Set(all.map(({ uid, gid }) => `${uid}:${gid}`));
  }

  it('in a home, all of it is the owner’s', async () => {
    await chown(folder, 1234, 2345);
    await writeUserFolder({ local: localHost(), env: {} }, join(folder, 'logs/today'), files);
    expect(await ownersIn(join(folder, 'logs'))).toEqual(new Set(['1234:2345']));
  });

  it('under sudo, in a folder of root’s within that home, it is the user’s', async () => {
    await chown(folder, 1234, 2345);
    await mkdir(join(folder, 'of-root'));
    const env = { SUDO_UID: '1234', SUDO_GID: '2345' };
    await writeUserFolder({ local: localHost(), env }, join(folder, 'of-root/plan'), files);
    expect(await ownersIn(join(folder, 'of-root/plan'))).toEqual(new Set(['1234:2345']));
    expect((await lstat(join(folder, 'of-root'))).uid).toBe(0);
  });

  it('what was there before keeps its owner', async () => {
    await mkdir(join(folder, 'there'));
    await chown(folder, 1234, 2345);
    await writeUserFolder({ local: localHost(), env: {} }, folder, files);
    expect((await lstat(join(folder, 'there'))).uid).toBe(0);
    expect((await lstat(join(folder, 'plan.json'))).uid).toBe(1234);
  });
});
