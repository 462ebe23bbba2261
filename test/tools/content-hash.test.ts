import {
  chmod,
  chown,
  link,
  lstat,
  mkdtemp,
  rm,
  symlink,
  utimes,
  writeFile,
  mkdir,
  unlink,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import { contentHashCommand } from '../../src/tools/content-hash.ts';
import { parseSha256 } from '../../src/tools/sha256sum.ts';
import { packCommand, unpackCommand } from '../../src/tools/tar.ts';

const host = localHost();
const arch = process.arch === 'x64' ? 'amd64' : process.arch;
let folder: string;
let tree: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-content-'));
  tree = join(folder, 'tree');
  await grow(tree);
});

afterEach(() => rm(folder, { recursive: true }));

async function grow(root: string): Promise<void> {
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  await writeFile(join(root, 'usr/bin/tool'), '#!/bin/sh\n', { mode: 0o755 });
  await chmod(join(root, 'usr/bin/tool'), 0o755);
  await writeFile(join(root, 'a name\nof two lines'), 'text');
  await symlink('tool', join(root, 'usr/bin/alias'));
}

async function contentOf(root: string): Promise<string> {
  const { stdout } = await host.run(contentHashCommand(root, arch));
  return parseSha256(stdout)[0] ?? '';
}

describe('the digest of a tree', () => {
  it('is that of what is in it, wherever and whenever it was made', async () => {
    const before = await contentOf(tree);
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    const other = join(folder, 'deeper/another');
    await grow(other);
    await utimes(join(other, 'usr/bin/tool'), 1, 1);
    expect(await contentOf(other)).toBe(before);
  });

  it.each<[string, () => Promise<void>]>([
    ['content', () => writeFile(join(tree, 'usr/bin/tool'), '#!/bin/zsh\n')],
    ['permissions', () => chmod(join(tree, 'usr/bin/tool'), 0o4755)],
    ['those of a folder', () => chmod(join(tree, 'usr'), 0o711)],
    ['those of the tree itself', () => chmod(tree, 0o711)],
    [
      'where a link leads',
      () => unlink(join(tree, 'usr/bin/alias')).then(() => symlink('sh', join(tree, 'usr/bin/alias'))),
    ],
    ['a file more', () => writeFile(join(tree, 'more'), '')],
    ['a folder more', () => mkdir(join(tree, 'more'))],
    ['a file less', () => unlink(join(tree, 'usr/bin/tool'))],
  ])('is another one with another %s', async (_, change) => {
    const before = await contentOf(tree);
    await change();
    expect(await contentOf(tree)).not.toBe(before);
  });

  it('does not tell hard links from copies, as nobody can from the inside of an overlay', async () => {
    await writeFile(join(tree, 'copy'), 'text');
    const before = await contentOf(tree);
    await unlink(join(tree, 'copy'));
    await link(join(tree, 'a name\nof two lines'), join(tree, 'copy'));
    expect(await contentOf(tree)).toBe(before);
  });

  it('of a tree that is not there is an error', async () => {
    await expect(contentOf(join(folder, 'nothing'))).rejects.toThrow();
  });

  it('is not made up where capabilities of files cannot be read', async () => {
    await expect(host.run(contentHashCommand(tree, 'vax'))).rejects.toMatchObject({
      stderr: expect.stringContaining('cannot be read on this architecture') as string,
    });
  });
});

describe.runIf(process.getuid?.() === 0)('as root (skipped otherwise: owners, devices, capabilities)', () => {
  /** setcap(8) is not everywhere: the same tar that carries capabilities brings one. */
  async function giveCapability(file: string): Promise<void> {
    const perl = [
      'my ($file, $name, $value) = ($ARGV[0], "security.capability", pack("VVVVV", 0x02000001, 0x2000, 0, 0, 0));',
      `syscall(${arch === 'amd64' ? 188 : 5}, $file, $name, $value, 20, 0) == 0 or die "$!\\n";`,
    ].join(' ');
    await host.run(['perl', '-e', perl, file]);
  }

  it.each<[string, () => Promise<unknown>]>([
    ['owner', () => chown(join(tree, 'usr/bin/tool'), 12, 0)],
    ['group', () => chown(join(tree, 'usr/bin/tool'), 0, 12)],
    ['capability', () => giveCapability(join(tree, 'usr/bin/tool'))],
    ['device', () => host.run(['mknod', join(tree, 'zero'), 'c', '1', '5'])],
  ])('it is another one with another %s', async (_, change) => {
    const before = await contentOf(tree);
    await change();
    expect(await contentOf(tree)).not.toBe(before);
  });

  it('tells devices by their numbers', async () => {
    await host.run(['mknod', join(tree, 'device'), 'c', '1', '3']);
    const before = await contentOf(tree);
    await host.run(['rm', join(tree, 'device')]);
    await host.run(['mknod', join(tree, 'device'), 'c', '1', '5']);
    expect(await contentOf(tree)).not.toBe(before);
  });

  it('survives being packed and unpacked', async () => {
    await giveCapability(join(tree, 'usr/bin/tool'));
    await host.run(['mknod', join(tree, 'null'), 'c', '1', '3']);
    await chown(join(tree, 'usr'), 12, 34);
    await chmod(join(tree, 'usr/bin'), 0o2775);
    const packed = await host.spawn(packCommand(tree));
    const target = join(folder, 'unpacked');
    await mkdir(target);
    const unpacked = await host.spawn(unpackCommand(target));
    packed.stdout.pipe(unpacked.stdin);
    unpacked.stdout.resume();
    expect([await packed.exited, await unpacked.exited]).toEqual([0, 0]);
    expect(await contentOf(target)).toBe(await contentOf(tree));
    expect((await lstat(join(target, 'usr'))).uid).toBe(12);
  });
});
