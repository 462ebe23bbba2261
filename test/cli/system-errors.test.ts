import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { renderError } from '../../src/cli/output/error.ts';
import { inWords } from '../../src/cli/system-errors.ts';
import { KnestError } from '../../src/errors.ts';

/** What a promise fails with. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error,
  );
}

const refusal = (code: string) => Object.assign(new Error(`${code}: open`), { code, path: '/var/lib/knest' });

describe('what the kernel refuses, made up', () => {
  it.each([
    { code: 'EACCES', says: 'permission denied', is: 'PERMISSION_DENIED', kind: 'preflight', hint: /sudo/ },
    { code: 'EPERM', says: 'not permitted', is: 'PERMISSION_DENIED', kind: 'preflight', hint: /sudo/ },
    { code: 'EROFS', says: /read-only/, is: 'PERMISSION_DENIED', kind: 'preflight', hint: /KNEST_STATE_DIR/ },
    { code: 'ENOSPC', says: 'no space is left', is: 'DISK_FULL', kind: 'failed', hint: /KNEST_STATE_DIR/ },
    { code: 'EDQUOT', says: /quota/, is: 'DISK_FULL', kind: 'failed', hint: /space/ },
    { code: 'EMFILE', says: /files are open/, is: 'RESOURCES_EXHAUSTED', kind: 'failed', hint: /ulimit/ },
    { code: 'EIO', says: /failed/, is: 'FILE_UNUSABLE', kind: 'failed', hint: /dmesg/ },
    { code: 'EBUSY', says: 'is in use', is: 'FILE_UNUSABLE', kind: 'failed', hint: /fuser/ },
    { code: 'EUCLEAN', says: 'EUCLEAN', is: 'FILE_UNUSABLE', kind: 'failed', hint: /--debug/ },
  ])('$code', ({ code, says, is, kind, hint }) => {
    const cause = refusal(code);
    const told = inWords(cause, false);
    expect(told).toBeInstanceOf(KnestError);
    expect(told).toMatchObject({ code: is, kind, cause, hint: expect.stringMatching(hint) as string });
    const [path, said] = (told as KnestError).message.split(': ');
    expect(path).toBe('/var/lib/knest');
    expect(said).toMatch(says);
    expect(renderError(told, false)).not.toContain('bug in knest');
  });

  it('does not tell root to use sudo', () => {
    expect(inWords(refusal('EACCES'), true)).toMatchObject({
      hint: expect.not.stringContaining('sudo') as string,
    });
  });
});

describe('what the kernel refuses, for real', () => {
  const folder = { path: '' };
  beforeAll(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'knest-'));
  });
  afterAll(() => rm(folder.path, { recursive: true }));

  it.each([
    ['a folder that is read', () => readFile(folder.path), 'FILE_UNUSABLE', 'is a folder'],
    ['a file that is missing', () => readFile(join(folder.path, 'no')), 'FILE_UNUSABLE', 'no such file'],
    ['a file on the way', () => mkdir('/etc/passwd/a'), 'FILE_UNUSABLE', 'a file, not a folder'],
    ['a folder that is there', () => mkdir(folder.path), 'FILE_IN_THE_WAY', 'exists already'],
    ['a full disk', () => writeFile('/dev/full', 'x'), 'DISK_FULL', 'no space is left'],
    ['another file system', () => rename('/proc/version', folder.path), 'FILE_UNUSABLE', 'file system'],
    ['a folder with files', () => rmdir('/etc'), 'FILE_IN_THE_WAY', 'not empty'],
    ['a name too long', () => readFile(`/${'a'.repeat(300)}`), 'FILE_UNUSABLE', 'too long'],
    ['nobody listens', () => connecting(1), 'CONNECTION_FAILED', '127.0.0.1:1: connection refused'],
    ['no such program', () => spawning('/no/such'), 'FILE_UNUSABLE', '/no/such: there is no such file'],
  ])('%s', async (_what, provoke, code, says) => {
    const told = inWords(await failureOf(provoke()));
    expect(told).toMatchObject({ code, message: expect.stringContaining(says) as string });
    expect((told as KnestError).hint).not.toBe('');
  });

  it('links in a circle', async () => {
    const path = join(folder.path, 'link');
    await symlink(path, path);
    const told = inWords(await failureOf(readFile(path)));
    expect(told).toMatchObject({ message: `${path}: its symbolic links lead in a circle` });
  });
});

it('leaves bugs, and what is in words already, alone', async () => {
  for (const bug of [new TypeError('x is undefined'), await failureOf(readFile('a\0b')), 'text']) {
    expect(inWords(bug)).toBe(bug);
  }
  const known = new KnestError('known', { code: 'LOCKED' });
  expect(inWords(known)).toBe(known);
});

function connecting(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', resolve);
    socket.on('error', reject);
  });
}

function spawning(program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn(program)
      .on('error', reject)
      .on('exit', () => {
        resolve();
      });
  });
}
