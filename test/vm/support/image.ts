/** What a virtual machine boots from: Debian as a user's server has it, and beside it knest and its layers. */

import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ClusterPlan } from '../../../src/plan/types.ts';
import { pathsFromEnvironment } from '../../../src/workstation/paths.ts';
import { knest, must, succeeded } from '../../e2e/support/cli.ts';
import { makeDebianTree } from '../../e2e/support/debian-tree.ts';

export interface VmImage {
  disk: string;
  kernel: string;
  initrd: string;
  /** Lets its owner in as root. */
  key: string;
}

/** Not /tmp, which may be a tmpfs. */
const cache = '/var/tmp/knest-vm';

/** Made by the first caller on this machine, in a minute or two, and kept. */
export async function vmImage(): Promise<VmImage> {
  const key = JSON.stringify({ packages, files, links, size });
  const folder = join(cache, `trixie-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`);
  if (!(await stat(folder).catch(() => undefined))) await makeImage(folder);
  const boot = await readdir(join(folder, 'boot'));
  const file = (prefix: string): string => {
    const name = boot.find((one) => one.startsWith(prefix));
    if (name === undefined) throw new Error(`${folder}/boot has no ${prefix}*`);
    return join(folder, 'boot', name);
  };
  return {
    disk: join(folder, 'disk'),
    kernel: file('vmlinuz-'),
    initrd: file('initrd.img-'),
    key: join(folder, 'key'),
  };
}

async function makeImage(folder: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'work-'));
  const root = join(work, 'root');
  try {
    await makeDebianTree({ suite: 'trixie', packages, files, links }, root);
    await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(work, 'key')]);
    await mkdir(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
    await must(['cp', join(work, 'key.pub'), join(root, 'root/.ssh/authorized_keys')]);
    await must(['mke2fs', '-q', '-t', 'ext4', '-d', root, join(work, 'disk'), size]);
    await must(['cp', '-r', join(root, 'boot'), join(work, 'boot')]);
    await rm(root, { recursive: true });
    await chmod(work, 0o755);
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A disk with this build of knest and the layers of a cluster, so that nothing is compiled in the machine. */
export async function knestDisk(path: string, files: Readonly<Record<string, string>>): Promise<void> {
  const { layers } = pathsOfLayers(await layersOfCluster());
  const binds: Record<string, string> = { ...layers, ...files };
  for (const part of ['package.json', 'dist', 'assets']) {
    binds[part] = fileURLToPath(new URL(`../../../${part}`, import.meta.url));
  }
  // in a mount namespace of its own: nothing is copied but into the disk
  const script = [
    'set -e',
    'stage=$(mktemp -d)',
    'mount -t tmpfs tmpfs $stage',
    ...Object.entries(binds).flatMap(([to, from]) => [
      `if [ -d '${from}' ]; then mkdir -p $stage/${to}; else mkdir -p $(dirname $stage/${to}); touch $stage/${to}; fi`,
      `mount --bind '${from}' $stage/${to}`,
    ]),
    `mke2fs -q -t ext4 -d $stage ${path} 2G`,
    'umount -R $stage; rmdir $stage',
  ].join('\n');
  await must(['unshare', '--mount', 'sh', '-c', script]);
}

async function layersOfCluster(): Promise<string[]> {
  const argv = ['plan', 'cluster', '--name', 'server', '--suite', 'trixie', '-o', 'json'];
  const { stdout } = succeeded(argv, await knest(argv));
  return (JSON.parse(stdout) as Pick<ClusterPlan, 'layers'>).layers.map(({ id }) => id);
}

function pathsOfLayers(ids: readonly string[]): { layers: Record<string, string> } {
  const folder = `${pathsFromEnvironment(process.env).cache}/layers`;
  const names = ids.flatMap((id) => [id, `${id}.json`]);
  return { layers: Object.fromEntries(names.map((name) => [`layers/${name}`, `${folder}/${name}`])) };
}

const size = '12G';

const packages = [
  ...['linux-image-cloud-amd64', 'initramfs-tools', 'zstd', 'e2fsprogs', 'kmod', 'udev'],
  ...['systemd', 'systemd-sysv', 'systemd-container', 'dbus', 'libpam-systemd', 'libnss-mymachines'],
  ...['passwd', 'login', 'mount', 'procps', 'less', 'apparmor'],
  ...['iproute2', 'iptables', 'nftables', 'iputils-ping', 'ca-certificates', 'curl', 'openssh-server'],
  ...['debian-archive-keyring', 'mmdebstrap', 'nodejs'],
];

const files: Record<string, { text: string; mode?: number }> = {
  '/usr/local/bin/knest': {
    text: '#!/bin/sh\nexec node /opt/knest/dist/bundle/cli/main.js "$@"\n',
    mode: 0o755,
  },
  '/etc/hostname': { text: 'server\n' },
  '/etc/hosts': { text: '127.0.0.1 localhost server\n' },
  '/etc/machine-id': { text: 'uninitialized\n' },
  // of QEMU's user network
  '/etc/resolv.conf': { text: 'nameserver 10.0.2.3\n' },
  '/etc/systemd/network/20-lan.network': {
    text: '[Match]\nName=en*\n\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n',
  },
  '/etc/fstab': {
    text: [
      '/dev/vda / ext4 rw 0 1',
      '/dev/vdb /opt/knest ext4 ro 0 0',
      '/opt/knest/layers /var/cache/knest/layers none bind,ro,x-systemd.requires-mounts-for=/opt/knest 0 0\n',
    ].join('\n'),
  },
  '/etc/systemd/journald.conf.d/vm.conf': { text: '[Journal]\nStorage=persistent\nAudit=no\n' },
};

const masked = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer'],
  ...['e2scrub_all.timer', 'fstrim.timer', 'systemd-networkd-wait-online.service'],
];

const links: Record<string, string> = {
  ...Object.fromEntries(masked.map((unit) => [`/etc/systemd/system/${unit}`, '/dev/null'])),
  '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service':
    '/usr/lib/systemd/system/systemd-networkd.service',
};
