import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bootstrap, explainBootstrap } from '../../src/artifacts/bootstrap.ts';
import type { InputError } from '../../src/errors.ts';
import { CommandError, KnestError } from '../../src/errors.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { mmdebstrapProgress } from '../../src/tools/mmdebstrap.ts';
import { isolatedCommand } from '../../src/tools/unshare.ts';
import { localHost } from '../../src/host/local.ts';
import { buildContext } from './build-context.ts';

const mirror = 'http://mirror.example/debian';
const request = {
  suite: 'trixie',
  mirror,
  securityMirror: undefined,
  proxy: 'http://proxy.example:3142',
  packages: ['systemd', 'runc'],
  target: '/new',
};
const isolation = isolatedCommand([]).join(' ');

describe('bootstrap', () => {
  it('prefers mmdebstrap and names the mirror', async () => {
    const host = memoryHost({ answers: { [`${isolation} mmdebstrap`]: {} } });
    const facts = { programs: { mmdebstrap: '/usr/bin/mmdebstrap', debootstrap: '/usr/sbin/debootstrap' } };
    expect(await bootstrap(request, buildContext('/cache', { host, facts }))).toEqual({
      suite: 'trixie',
      mirror,
      securityMirror: undefined,
    });
    const argv = host.commands[0]?.slice(isolatedCommand([]).length);
    expect(argv?.at(0)).toBe('mmdebstrap');
    expect(argv).toContain('--include=systemd,runc');
    expect(argv?.slice(-4)).toEqual([
      'trixie',
      '/new',
      `deb ${mirror} trixie main`,
      `deb ${mirror} trixie-updates main`,
    ]);
  });

  it('passes no mirror when there is none, and finds out which one was used', async () => {
    const host = memoryHost({
      answers: { [`${isolation} mmdebstrap`]: {} },
      files: { '/new/etc/apt/sources.list': 'deb http://default.example/debian trixie main\n' },
    });
    const context = buildContext('/cache', {
      host,
      facts: { programs: { mmdebstrap: '/usr/bin/mmdebstrap' } },
    });
    expect((await bootstrap({ ...request, mirror: undefined }, context)).mirror).toBe(
      'http://default.example/debian',
    );
    expect(host.commands[0]?.at(-1)).toBe('/new');
  });

  it('lets apt install the packages where there is debootstrap only', async () => {
    const host = memoryHost({
      answers: { [`${isolation} debootstrap`]: {}, [`${isolation} sh`]: {} },
      files: { '/new/etc/apt/sources.list': 'deb http://default.example/debian trixie main\n' },
    });
    const context = buildContext('/cache', {
      host,
      facts: { programs: { debootstrap: '/usr/sbin/debootstrap' } },
    });
    const sources = await bootstrap({ ...request, mirror: undefined }, context);
    expect(sources.securityMirror).toBe('http://default.example/debian-security');
    expect(host.files.get('/new/etc/apt/sources.list.d/debian.sources')?.content).toContain(
      'trixie-security',
    );
    expect(host.commands[1]?.at(-1)).toContain('install systemd runc');
    expect(host.files.has('/new/usr/sbin/policy-rc.d')).toBe(false);
  });

  it('says what to install where there is neither', async () => {
    await expect(bootstrap(request, buildContext('/cache', { host: memoryHost() }))).rejects.toMatchObject({
      kind: 'preflight',
      hint: 'install one of them: apt-get install mmdebstrap',
    });
  });
});

describe('explainBootstrap', () => {
  it.each([
    [
      'mmdebstrap, refused',
      'E: Failed to fetch http://m/dists/trixie/InRelease  Could not connect to 127.0.0.1:9',
    ],
    ['mmdebstrap, no such name', "E: Failed to fetch http://m/dists/trixie/InRelease  Could not resolve 'm'"],
    ['debootstrap', 'E: Failed getting release file http://m/dists/trixie/Release'],
  ])('tells an unreachable mirror: %s', (_, stderr) => {
    const error = explain(stderr);
    expect(error).toBeInstanceOf(KnestError);
    expect((error as KnestError).message).toBe(
      `the Debian mirror ${mirror} cannot be reached, or has no suite "trixie"`,
    );
    expect((error as KnestError).hint).toContain('--mirror URL');
    expect((error as KnestError).details).toEqual([stderr]);
  });

  it.each([
    ['mmdebstrap', "E: The repository 'http://m nonsense Release' does not have a Release file."],
    ['debootstrap', 'E: No such script: /usr/share/debootstrap/scripts/nonsense'],
  ])('tells an unknown suite: %s', (_, stderr) => {
    expect((explain(stderr) as InputError).problems).toMatchObject([{ path: 'image.suite' }]);
  });

  it('tells a full disk and missing keys', () => {
    expect(explain('dpkg: error: write error: No space left on device')).toMatchObject({
      hint: expect.stringContaining('KNEST_CACHE_DIR') as string,
    });
    expect(explain('W: GPG error: NO_PUBKEY 6ED0E7B82643E131')).toMatchObject({
      hint: expect.stringContaining('debian-archive-keyring') as string,
    });
  });

  it('says the one line of apt that tells why', () => {
    const expired =
      'E: Release file for http://m/dists/trixie/InRelease is expired (invalid since 3d). Updates for this repository will not be applied.';
    const error = explain(
      `Get:1 http://m trixie InRelease\n${expired}\nE: apt-get update failed\nI: main() received signal`,
    );
    expect(error).toMatchObject({
      message: `the trixie system could not be made from the Debian mirror ${mirror}: ${expired.slice(3)}`,
      hint: expect.stringContaining('clock') as string,
    });
  });

  it.each([
    'E: Unable to locate package no-such-thing',
    "E: Package 'no-such-thing' has no installation candidate",
    "E: Couldn't find these debs: no-such-thing",
  ])('tells a package that there is not: %s', (stderr) => {
    const { problems } = explain(`Get:1 http://m trixie InRelease\n${stderr}`) as InputError;
    expect(problems).toMatchObject([
      {
        path: 'image.packages',
        message: `the Debian mirror ${mirror} has no package "no-such-thing" in trixie`,
      },
    ]);
  });

  it('leaves everything else as it is', () => {
    const error = new Error('a bug');
    expect(explainBootstrap(error, request)).toBe(error);
  });
});

it('shows what mmdebstrap does, without its chatter', () => {
  expect(mmdebstrapProgress('I: running apt-get update...')).toBe('running apt-get update');
  expect(
    mmdebstrapProgress('I: chroot architecture amd64 is equal to the host’s architecture'),
  ).toBeUndefined();
  expect(mmdebstrapProgress('Get:1 http://m trixie InRelease')).toBeUndefined();
});

describe.runIf(process.getuid?.() === 0)('isolatedCommand (skipped unless run as root: it mounts)', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-isolated-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('passes the exit code and keeps mounts to itself', async () => {
    const script = 'mount -t tmpfs tmpfs "$0" && touch "$0/inside" && exit 7';
    const result = await localHost().run(isolatedCommand(['sh', '-c', script, folder]), { okExitCodes: [7] });
    expect(result.exitCode).toBe(7);
    expect(await readdir(folder)).toEqual([]);
  });

  it('ends everything that was started when it is interrupted', async () => {
    const interruption = new AbortController();
    const script = '(trap "" TERM; while :; do date >"$0/alive"; sleep 0.05; done) & wait';
    const running = localHost().run(isolatedCommand(['sh', '-c', script, folder]), {
      signal: interruption.signal,
    });
    await expect.poll(() => readdir(folder)).toEqual(['alive']);
    interruption.abort();
    await expect(running).rejects.toThrow();
    await rm(join(folder, 'alive'), { force: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await readdir(folder)).toEqual([]);
  });
});

function explain(stderr: string): unknown {
  return explainBootstrap(new CommandError('localhost', ['tool'], 1, stderr), request);
}
