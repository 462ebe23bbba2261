import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { errorWithCode } from '../../src/host/error-codes.ts';
import { localHost } from '../../src/host/local.ts';
import { memoryHost } from '../../src/host/memory.ts';
import type { Host } from '../../src/host/types.ts';
import { addToKubeconfig, checkKubeconfig, removeFromKubeconfig } from '../../src/workstation/kubeconfig.ts';
import { kubeconfigPath, kubeconfigPaths } from '../../src/workstation/kubeconfig-paths.ts';
import { entry, existing, namesIn } from './kubeconfig-fixture.ts';

const host = localHost();
const desk = { local: host, env: {} };
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-kubeconfig-'));
  path = join(folder, 'config');
});

afterEach(() => rm(folder, { recursive: true }));

describe('kubeconfigPath', () => {
  it.each([
    ['/flag', { KUBECONFIG: '/a:/b', HOME: '/home/me' }, '/flag'],
    // none of them exists: the last one
    [undefined, { KUBECONFIG: '/a:/b', HOME: '/home/me' }, '/b'],
    [undefined, { KUBECONFIG: ':/b:', HOME: '/home/me' }, '/b'],
    [undefined, { KUBECONFIG: '/a:/there:/there2', HOME: '/home/me' }, '/there'],
    [undefined, { KUBECONFIG: '/dangling:/circle:/link:/there', HOME: '/home/me' }, '/link'],
    [undefined, { KUBECONFIG: '', HOME: '/home/me' }, '/home/me/.kube/config'],
    [undefined, { HOME: '' }, '/root/.kube/config'],
    [undefined, {}, '/root/.kube/config'],
  ])('of flag %s and %j is %s', async (flag, env, expected) => {
    const local = memoryHost({ files: { '/there': '', '/there2': '' } });
    await local.link('/nowhere', '/dangling');
    await local.link('/circle', '/circle');
    await local.link('there2', '/link');
    expect(await kubeconfigPath(flag, { local, env })).toBe(expected);
  });
});

describe('kubeconfigPaths', () => {
  it('are all that may have a context, each once', () => {
    expect(kubeconfigPaths(undefined, { KUBECONFIG: '/a::/b:/a' })).toEqual(['/a', '/b']);
    expect(kubeconfigPaths('/flag', { KUBECONFIG: '/a' })).toEqual(['/flag']);
  });
});

describe('what can be no kubeconfig', () => {
  it.each([
    ['a folder', (at: string) => mkdir(at), 'is a folder, not a file'],
    ['a link to a folder', (at: string) => symlink('/', at), 'is a folder, not a file'],
    ['a device', (at: string) => symlink('/dev/null', at), 'is a device or a pipe, not a file'],
    ['a link in a circle', (at: string) => symlink(at, at), 'lead in a circle'],
    [
      'a link nowhere',
      (at: string) => symlink('/no/such', at),
      'is a link to /no/such, and there is no folder /no',
    ],
  ])('%s is refused in a sentence, and nothing is written', async (_what, make, says) => {
    await make(path);
    const refusal = { code: 'INVALID_KUBECONFIG', message: expect.stringContaining(says) as string };
    await expect(checkKubeconfig(desk, path)).rejects.toMatchObject(refusal);
    await expect(addToKubeconfig(desk, path, entry('dev'))).rejects.toMatchObject(refusal);
    // there is nothing in it to take out
    await removeFromKubeconfig(desk, path, 'dev');
    expect(await readdir(folder)).toEqual(['config']);
  });

  it('and one that may not be read says so', async () => {
    const local = memoryHost({
      files: { '/config': existing },
      failOn: ({ method }) => (method === 'readFile' ? errorWithCode('EACCES', 'open') : undefined),
    });
    await expect(checkKubeconfig({ local, env: {} }, '/config')).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: 'the kubeconfig /config cannot be read',
    });
  });

  it('a link whose file is missing is made through', async () => {
    await symlink('real', path);
    await addToKubeconfig(desk, path, entry('dev'));
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await namesIn(join(folder, 'real'))).toMatchObject({ clusters: ['dev'] });
  });
});

describe('owners, as root', () => {
  const user = { uid: 1234, gid: 2345 };
  const sudo = { SUDO_UID: '1234', SUDO_GID: '2345' };

  it('of a file that is there stay, with its mode', async () => {
    await writeFile(path, existing);
    await chmod(path, 0o640);
    await chown(path, user.uid, user.gid);
    await addToKubeconfig(desk, path, entry('dev'));
    await removeFromKubeconfig(desk, path, 'dev');
    const { uid, gid, mode } = await stat(path);
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ ...user, mode: 0o640 });
    expect(await readdir(folder)).toEqual(['config']);
  });

  it.skipIf(spawnSync('setfacl', ['--version']).status !== 0)(
    'and so does its access control list',
    async () => {
      await writeFile(path, existing);
      execFileSync('setfacl', ['--modify', 'user:1234:r', path]);
      await addToKubeconfig(desk, path, entry('dev'));
      const { stdout } = await host.run(['getfacl', '--omit-header', '--numeric', '--absolute-names', path]);
      expect(stdout.split('\n')).toContain('user:1234:r--');
      expect(await namesIn(path)).toMatchObject({ clusters: ['prod', 'dev'] });
    },
  );

  it('of what is new in a folder of somebody are theirs', async () => {
    await chown(folder, user.uid, user.gid);
    const deep = join(folder, '.kube', 'more', 'config');
    await addToKubeconfig(desk, deep, entry('dev'));
    for (const each of [deep, dirname(deep), dirname(dirname(deep))])
      expect(await stat(each)).toMatchObject(user);
    expect((await stat(deep)).mode & 0o777).toBe(0o600);
  });

  it('of what is new in a folder of root in a home are those of the user behind sudo', async () => {
    await chown(folder, user.uid, user.gid);
    const deep = join(folder, '.kube', 'config');
    await mkdir(dirname(deep));
    await addToKubeconfig({ ...desk, env: sudo }, deep, entry('dev'));
    expect(await stat(deep)).toMatchObject(user);
    expect(await stat(dirname(deep))).toMatchObject({ uid: 0, gid: 0 });
  });

  it('of what is new where anybody writes are those of the user behind sudo', async () => {
    await chmod(folder, 0o1777);
    await addToKubeconfig({ ...desk, env: sudo }, path, entry('dev'));
    expect(await stat(path)).toMatchObject(user);
  });

  it.each([{}, sudo])('of what is new in a folder of root stay root: %j', async (env) => {
    await addToKubeconfig({ ...desk, env }, path, entry('dev'));
    expect(await stat(path)).toMatchObject({ uid: 0, gid: 0 });
  });

  it('a file mounted on its own is filled where it is', async () => {
    await writeFile(path, existing);
    const { ino } = await stat(path);
    const local: Host = { ...host, rename: () => Promise.reject(errorWithCode('EBUSY', 'rename')) };
    await addToKubeconfig({ ...desk, local }, path, entry('dev'));
    expect((await stat(path)).ino).toBe(ino);
    expect(await namesIn(path)).toMatchObject({ clusters: ['prod', 'dev'] });
    expect(await readdir(folder)).toEqual(['config']);
  });
});

describe('a file that others may read', () => {
  it.each([
    [0o644, /everybody may read it.*chmod 600/],
    [0o640, /its group may read it/],
  ])('with mode %o is a warning', async (mode, says) => {
    await writeFile(path, existing);
    await chmod(path, mode);
    expect(await addToKubeconfig(desk, path, entry('dev'))).toEqual([expect.stringMatching(says)]);
  });

  it('is none when it is the owner’s alone', async () => {
    expect(await addToKubeconfig(desk, path, entry('dev'))).toEqual([]);
  });
});
