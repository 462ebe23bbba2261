/** The root file system of a test bed: Debian as a user's server has it, with what knest needs of a host. */

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { makeDebianTree } from '../debian-tree.ts';

export type BedSuite = 'bookworm' | 'trixie';

/** Not /tmp, which may be a tmpfs. */
const cache = '/var/tmp/knest-e2e-bed';

/**
 * Folder of the finished tree; made by the first caller on this machine, in a minute.
 * @param more packages that this bed has besides
 */
export async function bedImage(suite: BedSuite, more: readonly string[] = []): Promise<string> {
  const all = [...packages, ...more];
  const key = JSON.stringify({ suite, packages: all, files, links });
  const root = join(cache, `${suite}-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`);
  if (await stat(root).catch(() => undefined)) return root;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'work-'));
  const target = join(work, 'root');
  try {
    await makeDebianTree({ suite, packages: all, files, links }, target);
    await rename(target, root);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return root;
}

const packages = [
  'systemd',
  'systemd-sysv',
  'systemd-container',
  'dbus',
  'udev',
  'libpam-systemd',
  'libnss-mymachines',
  'passwd',
  'login',
  'iproute2',
  'iptables',
  'nftables',
  'kmod',
  'mount',
  'procps',
  'iputils-ping',
  'ca-certificates',
  'debian-archive-keyring',
  'curl',
  'less',
  'mmdebstrap',
  // of the LAN's DHCP server
  'busybox',
  // of the node that is bound in
  'libstdc++6',
];

/**
 * Process 1 of a bed is not systemd at first. systemd looks for its controllers as soon as it runs, so what
 * systemd-nspawn has mounted read-only is made writable before.
 */
const init = `#!/bin/sh
mount -o remount,rw,bind /sys/fs/cgroup
for hierarchy in /sys/fs/cgroup/*; do
  if mountpoint -q "$hierarchy"; then mount -o remount,rw,bind "$hierarchy"; fi
done
# as on a real host: systemd does this itself, but not in a container
mount --make-rshared /
# there is none in a container, and journald would read that of the real host
ln -sf /dev/null /dev/kmsg
# the card that a server has
ip link set dev host0 name eno1
exec /lib/systemd/systemd "$@"
`;

const files: Record<string, { text: string; mode: number }> = {
  '/sbin/bed-init': { text: init, mode: 0o755 },
  '/usr/local/bin/knest': {
    text: '#!/bin/sh\nexec /usr/local/bin/node /opt/knest/dist/bundle/cli/main.js "$@"\n',
    mode: 0o755,
  },
  '/etc/hostname': { text: 'bed\n', mode: 0o644 },
  '/etc/hosts': { text: '127.0.0.1 localhost bed\n', mode: 0o644 },
  '/etc/resolv.conf': { text: 'nameserver 192.168.55.1\n', mode: 0o644 },
  // its LAN, see bed.ts
  '/etc/systemd/network/20-eno1.network': {
    text: '[Match]\nName=eno1\n\n[Network]\nAddress=192.168.55.2/24\nGateway=192.168.55.1\n',
    mode: 0o644,
  },
  // the devices are those of the real host: udev may only see the bed's own links
  '/etc/systemd/system/systemd-udev-trigger.service.d/bed.conf': {
    text: '[Service]\nExecStart=\nExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=net\n',
    mode: 0o644,
  },
  '/etc/systemd/journald.conf.d/bed.conf': { text: '[Journal]\nStorage=persistent\n', mode: 0o644 },
  '/etc/systemd/system.conf.d/bed.conf': { text: '[Manager]\nDefaultTimeoutStopSec=20s\n', mode: 0o644 },
};

const masked = ['getty.target', 'console-getty.service', 'apt-daily.timer', 'apt-daily-upgrade.timer'];

const links: Record<string, string> = {
  ...Object.fromEntries(masked.map((unit) => [`/etc/systemd/system/${unit}`, '/dev/null'])),
  '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service':
    '/lib/systemd/system/systemd-networkd.service',
};
