import {
  chmod,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';
import { addToKubeconfig, removeFromKubeconfig } from '../../src/workstation/kubeconfig.ts';
import { entry, existing, namesIn } from './kubeconfig-fixture.ts';
import { deadHolders, thisProcess } from '../fixtures/processes.ts';

const host = localHost();
const desk = { local: host, env: {} };
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-kubeconfig-'));
  path = join(folder, 'config');
});

afterEach(() => rm(folder, { recursive: true }));

describe('addToKubeconfig', () => {
  it('makes a new file that only its owner may read, parents included', async () => {
    const deep = join(folder, 'a', 'b', 'config');
    await addToKubeconfig(desk, deep, entry('dev'));
    expect((await stat(deep)).mode & 0o777).toBe(0o600);
    expect(await namesIn(deep)).toEqual({
      clusters: ['dev'],
      users: ['dev'],
      contexts: ['dev'],
      current: 'dev',
    });
    expect(parse(await readFile(deep, 'utf8'))).toMatchObject({ apiVersion: 'v1', kind: 'Config' });
  });

  it('adds to what is there and keeps the rest, comments included', async () => {
    await writeFile(path, existing);
    await addToKubeconfig(desk, path, entry('dev'));
    expect(await namesIn(path)).toEqual({
      clusters: ['prod', 'dev'],
      users: ['me', 'dev'],
      contexts: ['prod', 'dev'],
      current: 'dev',
    });
    const text = await readFile(path, 'utf8');
    expect(text).toContain('# my clusters');
    expect(text).toContain('- name: prod # careful');
    expect(text).toContain('namespace: web');
    const { users } = parse(text) as { users: { user: { token?: unknown } }[] };
    expect(users[0]?.user.token).toBe('0123');
  });

  it('replaces an older entry of the same name', async () => {
    await addToKubeconfig(desk, path, entry('dev', 'https://192.0.2.1:6443'));
    await addToKubeconfig(desk, path, entry('dev', 'https://192.0.2.2:6443'));
    const text = await readFile(path, 'utf8');
    expect(await namesIn(path)).toMatchObject({ clusters: ['dev'], users: ['dev'], contexts: ['dev'] });
    expect(text).toContain('192.0.2.2');
    expect(text).not.toContain('192.0.2.1');
  });

  it.each([
    '',
    '\n',
    '{}\n',
    '# nothing yet\n{}',
    'clusters: null\nusers:\ncontexts: null\ncurrent-context: ""\n',
    'clusters: []\nusers: []\ncontexts: []\n',
  ])('fills an empty one: %j', async (text) => {
    await writeFile(path, text);
    await addToKubeconfig(desk, path, entry('dev'));
    expect(await namesIn(path)).toEqual({
      clusters: ['dev'],
      users: ['dev'],
      contexts: ['dev'],
      current: 'dev',
    });
  });

  it.each(['clusters: [', 'just text', '- a\n- list\n', 'a: 1\na: 2\n'])(
    'leaves alone what is not a kubeconfig: %j',
    async (text) => {
      await writeFile(path, text);
      await expect(addToKubeconfig(desk, path, entry('dev'))).rejects.toMatchObject({
        message: expect.stringContaining(`${path} is not a kubeconfig`) as string,
        hint: expect.stringContaining('--kubeconfig') as string,
      });
      expect(await readFile(path, 'utf8')).toBe(text);
      expect(await readdir(folder)).toEqual(['config']);
    },
  );

  it.each([0o600, 0o640, 0o644])('keeps the mode %o', async (mode) => {
    await writeFile(path, existing);
    await chmod(path, mode);
    await addToKubeconfig(desk, path, entry('dev'));
    expect((await stat(path)).mode & 0o777).toBe(mode);
  });

  it('writes through a symbolic link', async () => {
    const real = join(folder, 'real');
    await writeFile(real, existing, { mode: 0o600 });
    await symlink('real', path);
    await addToKubeconfig(desk, path, entry('dev'));
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readlink(path)).toBe('real');
    expect((await lstat(real)).mode & 0o777).toBe(0o600);
    expect(await namesIn(real)).toMatchObject({ clusters: ['prod', 'dev'] });
    await removeFromKubeconfig(desk, path, 'dev');
    expect(await readlink(path)).toBe('real');
    expect(await namesIn(real)).toMatchObject({ clusters: ['prod'] });
  });

  it('works in the current folder', async () => {
    const before = process.cwd();
    // vitest runs tests in worker processes, where this is allowed
    process.chdir(folder);
    try {
      await addToKubeconfig(desk, 'config', entry('dev'));
      expect(await readdir('.')).toEqual(['config']);
    } finally {
      process.chdir(before);
    }
  });

  it('loses no entry when many write at the same time', async () => {
    await writeFile(path, existing);
    const names = Array.from({ length: 6 }, (_, index) => `dev${index}`);
    await Promise.all(names.map((name) => addToKubeconfig(desk, path, entry(name))));
    await Promise.all(names.slice(0, 3).map((name) => removeFromKubeconfig(desk, path, name)));
    expect((await namesIn(path)).clusters.sort()).toEqual(['dev3', 'dev4', 'dev5', 'prod']);
    expect(await readdir(folder)).toEqual(['config']);
  });
});

describe('removeFromKubeconfig', () => {
  it('takes out the entry and leaves the rest as it was', async () => {
    await writeFile(path, existing);
    await addToKubeconfig(desk, path, entry('dev'));
    await removeFromKubeconfig(desk, path, 'dev');
    expect(await namesIn(path)).toEqual({
      clusters: ['prod'],
      users: ['me'],
      contexts: ['prod'],
      current: '',
    });
    expect(await readFile(path, 'utf8')).toContain('# my clusters');
  });

  it('keeps another current context', async () => {
    await addToKubeconfig(desk, path, entry('dev'));
    await addToKubeconfig(desk, path, entry('other'));
    await removeFromKubeconfig(desk, path, 'dev');
    expect((await namesIn(path)).current).toBe('other');
  });

  it('does not touch a file that has no such entry', async () => {
    await writeFile(path, existing);
    const { mtimeMs, ino } = await stat(path);
    await removeFromKubeconfig(desk, path, 'dev');
    expect(await readFile(path, 'utf8')).toBe(existing);
    expect(await stat(path)).toMatchObject({ mtimeMs, ino });
  });

  it('does not mind that there is no file', async () => {
    await removeFromKubeconfig(desk, join(folder, 'none', 'config'), 'dev');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the lock', () => {
  it('of kubectl or kind is respected', async () => {
    await writeFile(`${path}.lock`, '');
    const change = addToKubeconfig(desk, path, entry('dev'), { lockTimeout: 120 });
    await expect(change).rejects.toMatchObject({
      kind: 'locked',
      hint: expect.stringContaining(`rm ${path}.lock`) as string,
    });
    expect(await readdir(folder)).toEqual(['config.lock']);
  });

  it('is waited for', async () => {
    await writeFile(`${path}.lock`, '');
    const change = addToKubeconfig(desk, path, entry('dev'));
    setTimeout(() => void rm(`${path}.lock`), 150);
    await change;
    expect((await namesIn(path)).clusters).toEqual(['dev']);
  });

  it('of a killed knest is taken over, by one of many', async () => {
    for (const { pid, startTime, bootId } of Object.values(await deadHolders())) {
      await symlink(`knest-${pid}-${startTime}-${bootId}`, `${path}.lock`);
      await Promise.all(
        ['a', 'b', 'c'].map((name) => addToKubeconfig(desk, path, entry(name), { lockTimeout: 5_000 })),
      );
      expect((await namesIn(path)).clusters.sort()).toEqual(['a', 'b', 'c']);
      expect(await readdir(folder)).toEqual(['config']);
      await rm(path);
    }
  });

  it('that was taken since knest looked is not removed', async () => {
    const me = await thisProcess();
    await symlink(`knest-${me.pid}-${me.startTime}-${me.bootId}`, `${path}.lock`);
    let looks = 0;
    const late: Host = {
      ...host,
      readLink: (link) =>
        link.endsWith('.lock') && looks++ === 0
          ? Promise.resolve(`knest-${me.pid}-1-${me.bootId}`)
          : host.readLink(link),
    };
    const change = addToKubeconfig({ ...desk, local: late }, path, entry('dev'), { lockTimeout: 120 });
    await expect(change).rejects.toMatchObject({ kind: 'locked' });
    expect(looks).toBeGreaterThan(1);
  });

  it('of a knest that lives is respected', async () => {
    const { pid, startTime, bootId } = await thisProcess();
    await symlink(`knest-${pid}-${startTime}-${bootId}`, `${path}.lock`);
    const change = addToKubeconfig(desk, path, entry('dev'), { lockTimeout: 120 });
    await expect(change).rejects.toMatchObject({ kind: 'locked' });
  });

  it('that cannot be made says why', async () => {
    const readOnly: Host = {
      ...host,
      linkExclusively: () => Promise.reject(new Error('EROFS: read-only file system')),
    };
    await expect(addToKubeconfig({ ...desk, local: readOnly }, path, entry('dev'))).rejects.toThrow(
      'read-only file system',
    );
  });
});
