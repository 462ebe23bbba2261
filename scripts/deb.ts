/**
 * Makes a Debian package of what `npm run build` has made, with dpkg-deb(1) and nothing else:
 * `tsx scripts/deb.ts [FOLDER]` writes FOLDER/knest_VERSION_all.deb, by default below dist/, and prints its path.
 */

import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** The names of the same in facts/packages.ts, with the versions of facts/systemd-versions.ts and package.json. */
export const depends = [
  'nodejs (>= 20.19)',
  'systemd-container (>= 247)',
  'iproute2',
  'nftables | iptables',
  'mount',
  'util-linux',
  'mmdebstrap | debootstrap',
  'debian-archive-keyring',
];

/** Where shells look for completions (Debian's packages of bash-completion, zsh and fish). */
const completions = {
  bash: 'usr/share/bash-completion/completions/knest',
  zsh: 'usr/share/zsh/vendor-completions/_knest',
  fish: 'usr/share/fish/vendor_completions.d/knest.fish',
} as const;

interface Manifest {
  version: string;
  description: string;
}

/** @returns the path of the package */
export async function makeDeb(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
  const tree = await mkdtemp(join(tmpdir(), 'knest-deb-'));
  try {
    // mkdtemp makes it for its owner alone; the package's folders are everybody's to read
    await chmod(tree, 0o755);
    await program(tree);
    await manual(tree);
    await shellCompletions(tree);
    await put(join(tree, 'DEBIAN/control'), control(manifest));
    await mkdir(folder, { recursive: true });
    const path = join(folder, `knest_${manifest.version}_all.deb`);
    await run('dpkg-deb', ['--root-owner-group', '--build', tree, path]);
    return path;
  } finally {
    await rm(tree, { recursive: true });
  }
}

/** The command line is one bundle, with all of its npm packages in it. */
async function program(tree: string): Promise<void> {
  const home = join(tree, 'usr/lib/knest');
  const isNoMap = (path: string): boolean => !path.endsWith('.map');
  for (const path of ['dist/bundle', 'assets', 'schema', 'package.json']) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await cp(join(root, path), join(home, path), { recursive: true, filter: isNoMap });
  }
  await chmod(join(home, 'dist/bundle/cli/main.js'), 0o755);
  await mkdir(join(tree, 'usr/bin'), { recursive: true });
  await symlink('../lib/knest/dist/bundle/cli/main.js', join(tree, 'usr/bin/knest'));
  await put(join(tree, 'usr/share/doc/knest/copyright'), await readFile(join(root, 'LICENSE')));
}

async function manual(tree: string): Promise<void> {
  const page = await readFile(join(root, 'man/knest.1'));
  await put(join(tree, 'usr/share/man/man1/knest.1.gz'), await promisify(gzip)(page));
}

/** As the program that is packed prints them. */
async function shellCompletions(tree: string): Promise<void> {
  for (const [shell, path] of Object.entries(completions)) {
    const { stdout } = await run(process.execPath, [join(tree, 'usr/bin/knest'), 'completion', shell]);
    await put(join(tree, path), stdout);
  }
}

/** Fields of deb-control(5). */
function control({ version, description }: Manifest): string {
  return [
    'Package: knest',
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: the knest project <knest@localhost>',
    'Section: admin',
    'Priority: optional',
    `Depends: ${depends.join(', ')}`,
    'Recommends: kubernetes-client | kubectl',
    `Description: ${description}`,
    ' One command makes a cluster, of one node or of many, without Docker and without a',
    ' registry; etcd, the components of Kubernetes and containerd are units of systemd.',
    '',
  ].join('\n');
}

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(await makeDeb(process.argv[2] ?? join(root, 'dist')));
}
