import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { findPackages } from '../../src/artifacts/find-packages.ts';
import { bootstrapLocked, noYoungerThan } from '../../src/artifacts/locked-debian.ts';
import { localHost } from '../../src/host/local.ts';
import { memoryHost } from '../../src/host/memory.ts';
import type { MemoryHost } from '../../src/host/memory.ts';
import { rootfsLayer } from '../../src/plan/image.ts';
import type { RootfsLayer } from '../../src/plan/image.ts';
import type { DebianTree } from '../../src/spec/lock.ts';
import { CommandError } from '../../src/errors.ts';
import { aptFolderEntries, parsePackageUris } from '../../src/tools/apt-solver.ts';
import { flatRepositoryScript } from '../../src/tools/flat-repository.ts';
import { isolatedCommand } from '../../src/tools/unshare.ts';
import { debianTree, lockedPackage } from '../fixtures/lock.ts';
import { buildContext, someFacts } from './build-context.ts';

const isolation = isolatedCommand([]).join(' ');
const folders = { target: '/new', workspace: '/cache/build/id' };
const repository = `${folders.workspace}/packages`;
const programs = { mmdebstrap: '/usr/bin/mmdebstrap' };
const date = 1_763_000_000;

const contents = { 'bash_1.0-1_amd64.deb': 'bash', 'curl+x_2_all.deb': 'curl' };
const tree: DebianTree = {
  ...debianTree,
  date: new Date(date * 1000).toISOString().replace('.000', ''),
  packages: [
    lockedPackage('bash', { sha256: sumOf('bash') }),
    lockedPackage('curl', { sha256: sumOf('curl'), path: 'pool/c/curl+x_2_all.deb', security: true }),
  ],
};

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function layerOf(changes: Partial<RootfsLayer> = {}): RootfsLayer & { locked: DebianTree } {
  const layer = rootfsLayer({ suite: 'trixie', mirror: tree.mirror }, someFacts());
  return { ...layer, securityMirror: tree.securityMirror, ...changes, locked: tree };
}

/** A host whose apt-helper finds what `has` says, by the URL that is asked for. */
function hostWith(has: (url: string) => string | undefined): MemoryHost {
  const host: MemoryHost = memoryHost({
    answers: {
      '/usr/lib/apt/apt-helper': (argv) => {
        const files = argv.slice(argv.indexOf('download-file') + 1);
        let failed = '';
        for (let at = 0; at < files.length; at += 3) {
          const [url = '', path = ''] = files.slice(at, at + 2);
          const content = has(url);
          if (content === undefined) failed += `E: Failed to fetch ${url}  404  Not Found\n`;
          else void host.writeFile(path, content, 0o644);
        }
        if (failed !== '') throw new CommandError('memory', argv, 100, failed);
        return {};
      },
      sha256sum: (argv) => ({
        stdout: argv
          .slice(2)
          .map((path) => `${sumOf(host.files.get(path)?.content.toString() ?? '')}  ${path}\n`)
          .join(''),
      }),
      'sh -c': {},
      [`${isolation} mmdebstrap`]: {},
    },
  });
  return host;
}

const askedFor = (host: MemoryHost): string[][] =>
  host.commands
    .filter(([program]) => program === '/usr/lib/apt/apt-helper')
    .map((argv) => argv.filter((word) => word.startsWith('http://')));

const nameOf = (url: string): string => decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
const everything = (url: string): string | undefined => (contents as Record<string, string>)[nameOf(url)];

describe('a locked system', () => {
  it('is made of these packages and of no others, as if at the day of the lock', async () => {
    const host = hostWith(everything);
    const sources = await bootstrapLocked(
      layerOf(),
      folders,
      buildContext('/cache', { host, facts: { programs } }),
    );
    expect(sources).toEqual({ suite: 'trixie', mirror: tree.mirror, securityMirror: tree.securityMirror });
    expect(askedFor(host)).toEqual([
      [
        'http://mirror.example/debian/pool/main/b/bash/bash_1.0-1_amd64.deb',
        'http://mirror.example/debian-security/pool/c/curl%2bx_2_all.deb',
      ],
    ]);
    const argv = host.commands.find((command) => command.includes('mmdebstrap')) ?? [];
    expect(argv).toContain('--include=bash,curl');
    expect(argv.slice(-3)).toEqual(['trixie', '/new', `deb [trusted=yes] copy://${repository} ./`]);
  });

  it('takes what is gone from the mirror out of the archive of snapshots, from after that day', async () => {
    const host = hostWith((url) =>
      url.includes('snapshot.example') || url.includes('security') ? everything(url) : undefined,
    );
    const context = buildContext('/cache', { host, facts: { programs } });
    const user = { ...context.user, env: { KNEST_SNAPSHOT_MIRROR: 'http://snapshot.example/' } };
    await bootstrapLocked(layerOf(), folders, { ...context, user });
    const later = new Date((date + 6 * 3600) * 1000).toISOString().replace(/\.\d+|[-:]/g, '');
    expect(askedFor(host)[1]).toEqual([
      `http://snapshot.example/archive/debian/${later}/pool/main/b/bash/bash_1.0-1_amd64.deb`,
    ]);
  });

  it('asks this host’s own mirror first', async () => {
    const host = hostWith(everything);
    const own = layerOf({ mirror: 'http://own.example/debian', securityMirror: undefined });
    await bootstrapLocked(own, folders, buildContext('/cache', { host, facts: { programs } }));
    expect(askedFor(host)).toEqual([
      ['http://own.example/debian/pool/main/b/bash/bash_1.0-1_amd64.deb'],
      ['http://mirror.example/debian-security/pool/c/curl%2bx_2_all.deb'],
    ]);
  });

  it('downloads nothing twice, and nothing that is another file counts', async () => {
    const host = hostWith(everything);
    await host.writeFile(`${repository}/bash_1.0-1_amd64.deb`, 'bash', 0o644);
    await host.writeFile(`${repository}/curl+x_2_all.deb`, 'another', 0o644);
    await bootstrapLocked(layerOf(), folders, buildContext('/cache', { host, facts: { programs } }));
    expect(askedFor(host)).toEqual([['http://mirror.example/debian-security/pool/c/curl%2bx_2_all.deb']]);
  });

  it('names what cannot be had anywhere, and what to do', async () => {
    const host = hostWith((url) => (url.includes('curl') ? 'another' : 'bash'));
    const making = bootstrapLocked(layerOf(), folders, buildContext('/cache', { host, facts: { programs } }));
    await expect(making).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: '1 of 2 packages that knest.lock names cannot be had: curl 1.0-1',
      details: [
        'tried http://mirror.example/debian-security/pool/c/curl%2bx_2_all.deb',
        expect.stringMatching(
          /^tried http:\/\/snapshot\.debian\.org\/archive\/debian-security\/\d{8}T\d{6}Z\/pool/,
        ),
      ],
      hint: expect.stringContaining('KNEST_SNAPSHOT_MIRROR=URL') as string,
    });
    expect(host.commands.some((command) => command.includes('mmdebstrap'))).toBe(false);
  });

  it('needs mmdebstrap', async () => {
    const making = bootstrapLocked(
      layerOf(),
      folders,
      buildContext('/cache', { host: hostWith(everything) }),
    );
    await expect(making).rejects.toMatchObject({ code: 'HOST_UNFIT', hint: 'apt-get install mmdebstrap' });
  });

  it('refuses an archive of snapshots that is no URL', async () => {
    const context = buildContext('/cache', { host: hostWith(everything), facts: { programs } });
    const user = { ...context.user, env: { KNEST_SNAPSHOT_MIRROR: 'snapshot' } };
    await expect(bootstrapLocked(layerOf(), folders, { ...context, user })).rejects.toMatchObject({
      problems: [{ path: 'KNEST_SNAPSHOT_MIRROR' }],
    });
  });
});

describe('findPackages', () => {
  const uris = [
    `'http://m/debian/pool/b/bash%2bx_1%2b2_amd64.deb' bash_1+2_amd64.deb 10 SHA256:${'a'.repeat(64)}`,
    `'http://m/security/pool/a/adduser_3.1_all.deb' adduser_1%3a3.1_all.deb 10 SHA256:${'b'.repeat(64)}`,
    'W: something else',
  ].join('\n');
  const lists = '/work/var/lib/apt/lists';
  const solver = (stdout: string): MemoryHost =>
    memoryHost({
      answers: { 'apt-get': (argv) => (argv.includes('--print-uris') ? { stdout } : {}) },
      files: {
        [`${lists}/m_debian_dists_trixie_InRelease`]: 'Suite: stable\nDate: Sat, 21 Nov 2026 09:15:44 UTC\n',
        [`${lists}/m_security_Release`]: 'Date: Wed, 25 Nov 2026 02:22:31 UTC\n',
        [`${lists}/m_debian_Packages`]: 'Date: Thu, 26 Nov 2026 00:00:00 UTC\n',
      },
    });
  const layer = { ...layerOf(), mirror: 'http://m/debian/', securityMirror: 'http://m/security' };

  it('says what a system would be made of, where each package is, and of when', async () => {
    // what apt downloads is there as soon as it is asked: files that are put there before it stay
    const host = solver(uris);
    const remove = host.remove.bind(host);
    const kept = { ...host, remove: (path: string) => (path === '/work' ? Promise.resolve() : remove(path)) };
    expect(await findPackages(layer, '/work', buildContext('/cache', { host: kept }))).toEqual({
      suite: 'trixie',
      mirror: 'http://m/debian',
      securityMirror: 'http://m/security',
      date: '2026-11-25T02:22:31Z',
      packages: [
        {
          ...{ name: 'adduser', version: '1:3.1', arch: 'all', sha256: 'b'.repeat(64) },
          ...{ path: 'pool/a/adduser_3.1_all.deb', security: true },
        },
        {
          ...{ name: 'bash', version: '1+2', arch: 'amd64', sha256: 'a'.repeat(64) },
          path: 'pool/b/bash+x_1+2_amd64.deb',
        },
      ],
    });
  });

  it('leaves nothing, and says what is wrong', async () => {
    const host = solver('');
    await expect(findPackages(layer, '/work', buildContext('/cache', { host }))).rejects.toMatchObject({
      code: 'BUILD_FAILED',
    });
    expect(await host.stat('/work')).toBeUndefined();
  });

  it('trusts Debian’s keys, whatever else a source says', () => {
    const sources = { suite: 'trixie', mirror: 'http://snapshot.example/1', securityMirror: 'http://m/s' };
    const entries = aptFolderEntries({
      folder: '/w',
      arch: 'amd64',
      sources,
      keyring: '/k.gpg',
      proxy: undefined,
    });
    const list = entries.find(({ path }) => path === '/w/etc/apt/sources.list');
    expect(list && 'content' in list && list.content).toBe(
      [
        'deb [signed-by=/k.gpg check-valid-until=no] http://snapshot.example/1 trixie main\n',
        'deb [signed-by=/k.gpg check-valid-until=no] http://snapshot.example/1 trixie-updates main\n',
        'deb [signed-by=/k.gpg] http://m/s trixie-security main\n',
      ].join(''),
    );
  });

  it('reads nothing else as packages', () => {
    expect(parsePackageUris("E: 'x'\n'http://x/y' y 1 MD5Sum:0\n")).toEqual([]);
  });
});

describe('files of a locked system', () => {
  it('are never younger than the archive was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-times-'));
    try {
      await mkdir(join(folder, 'sub'));
      await writeFile(join(folder, 'sub/new'), '');
      await localHost().run(['touch', '--date=@1000', join(folder, 'old')]);
      await localHost().run(noYoungerThan(tree, folder));
      const { stdout } = await localHost().run(['find', folder, '-printf', '%f %T@\n']);
      const times = new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
      expect(times.get('old')).toMatch(/^1000\./);
      expect(times.get('new')).toMatch(new RegExp(`^${date}\\.`));
      expect(times.get('sub')).toMatch(new RegExp(`^${date}\\.`));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a repository in a folder', () => {
  it('is indexed by what the packages say of themselves', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-repository-'));
    try {
      const tree = join(folder, 'tree');
      await mkdir(join(tree, 'DEBIAN'), { recursive: true });
      const control =
        'Package: tiny\nVersion: 1:1+2\nArchitecture: all\nMaintainer: x <x@localhost>\nDescription: a\n';
      // dpkg-deb wants it so, whatever the umask
      await chmod(join(tree, 'DEBIAN'), 0o755);
      await writeFile(join(tree, 'DEBIAN/control'), control);
      const made = join(folder, 'tiny_1+2_all.deb');
      await localHost().run(['dpkg-deb', '--root-owner-group', '--build', tree, made]);
      await rm(tree, { recursive: true });
      await localHost().run(['sh', '-c', flatRepositoryScript, folder, 'trixie']);
      const index = await readFile(join(folder, 'Packages'), 'utf8');
      const bytes = await readFile(made);
      expect(index).toBe(
        `${control}Filename: ./tiny_1+2_all.deb\nSize: ${bytes.length}\nSHA256: ${createHash('sha256').update(bytes).digest('hex')}\n\n`,
      );
      expect(await readFile(join(folder, 'Release'), 'utf8')).toBe(
        `Suite: trixie\nCodename: trixie\nSHA256:\n ${sumOf(index)} ${Buffer.byteLength(index)} Packages\n`,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
