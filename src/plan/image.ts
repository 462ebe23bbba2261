import { createHash } from 'node:crypto';

import type { HostFacts } from '../facts/types.ts';
import { debianTreeOf } from '../spec/lock.ts';
import type { DebianTree, LockedRootfs } from '../spec/lock.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { PlannedFile, PlannedLayer } from './types.ts';

/** Name of the sandbox image of every pod; made here, so that no pod needs a registry to start. */
export const pauseImage = 'knest.local/pause:1';

/** Where the rootfs layer holds it: an OCI image layout in a tar archive, for `ctr -n k8s.io images import`. */
export const pauseImagePath = '/usr/lib/knest/pause.tar';

/** The sandbox image's only program: Debian's statically linked catatonit(1), which can do nothing but wait. */
export const pauseProgram = 'catatonit';

export type RootfsLayer = PlannedLayer & { kind: 'rootfs' };

/** Raise it whenever the way a rootfs is finished changes in a manner that the lists below don't show. */
const format = 1;

/**
 * The Debian root file system that all machines of a cluster stand on.
 *
 * Its id holds everything that makes it different. The host's own mirror does not: it has the same packages as any
 * other. A mirror that the user chose does: it may be a snapshot, chosen for its packages. Where a lock says what it is
 * made of, it is that.
 */
export function rootfsLayer(image: ClusterSpec['image'], facts: HostFacts): RootfsLayer {
  const packages = packagesOf(image);
  const key = {
    format,
    suite: image.suite,
    mirror: image.mirror,
    arch: facts.arch,
    packages,
    requires,
    finish,
  };
  const chosen = image.mirror !== undefined && image.mirror !== facts.apt?.mirror;
  const layer: RootfsLayer = {
    kind: 'rootfs',
    id: rootfsId(image.suite, facts.arch, key),
    suite: image.suite,
    mirror: image.mirror ?? facts.apt?.mirror,
    // who names a mirror may be able to reach nothing else
    securityMirror: chosen ? undefined : facts.apt?.securityMirror,
    packages,
    requires,
    proxy: facts.apt?.proxy,
  };
  const locked = lockedRootfs(image);
  if (!locked) return layer;
  const { id, content } = locked;
  return { ...layer, id, locked: debianTreeOf(locked), content };
}

/** What a lock says of the root file system of this suite. */
export function lockedRootfs({ suite, lock }: ClusterSpec['image']): LockedRootfs | undefined {
  return lock?.layers.find(
    (layer): layer is LockedRootfs => layer.kind === 'rootfs' && layer.suite === suite,
  );
}

/** With those that the user asks for. */
function packagesOf({ packages = [] }: Pick<ClusterSpec['image'], 'packages'>): string[] {
  return [...nodePackages, ...packages.filter((name) => !known.has(name))];
}

/**
 * Id of the layer that this knest makes of these very packages.
 * @param image which packages are asked for
 */
export function lockedRootfsId(
  image: Pick<ClusterSpec['image'], 'packages'>,
  tree: DebianTree,
  arch: string,
): string {
  const packages = packagesOf(image);
  const { suite, mirror, securityMirror, date } = tree;
  const of = tree.packages.map((each) => [each.name, each.version, each.arch, each.sha256]);
  const key = { format, suite, arch, packages, requires, finish, mirror, securityMirror, date, of };
  return rootfsId(suite, arch, key);
}

function rootfsId(suite: string, arch: string, key: object): string {
  const hash = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 12);
  return `rootfs-${suite}-${arch}-${hash}`;
}

/**
 * What a machine needs beyond Debian's minimal system. No udev: in a machine /sys is read-only and the host has one.
 * ebtables comes with iptables; conntrack, ipset, socat and ethtool are called by kubelet and kube-proxy.
 */
const nodePackages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  // for `machinectl login`; part of the minimal system until bookworm only
  'login',
  'iproute2',
  'iptables',
  'nftables',
  'conntrack',
  'ipset',
  'socat',
  'ethtool',
  'kmod',
  'mount',
  'util-linux',
  'procps',
  'ca-certificates',
  'containerd',
  'runc',
  'containernetworking-plugins',
  'etcd-server',
  // etcdctl, and etcdutl where there is one: they restore snapshots of etcd
  'etcd-client',
  'catatonit',
  // hands the API's address over between control planes
  'keepalived',
  // runs knest-agent
  'nodejs',
  'iputils-ping',
  // tells the LAN that a LoadBalancer's address has moved
  'iputils-arping',
  // asks a LAN's DHCP server for addresses, before machines are planned with them (udhcpc)
  'busybox',
  // `registry: true`
  'docker-registry',
  // asks components how they are (probes)
  'curl',
  'less',
  // volumes: what kubelets and storage drivers call in a node's name
  'e2fsprogs',
  'nfs-common',
  'fuse3',
  // looking around in a node, and at archives of images
  'jq',
  'zstd',
] as const;

const known: ReadonlySet<string> = new Set(nodePackages);

const requires = [
  ...[
    'systemctl',
    'journalctl',
    'dbus-daemon',
    'ip',
    'iptables',
    'ebtables',
    'nft',
    'conntrack',
    'ipset',
    'socat',
  ],
  ...['ethtool', 'mount', 'modprobe', 'ps', 'ping', 'curl', 'containerd', 'ctr', 'runc', 'etcd', 'catatonit'],
  ...['keepalived', 'arping', 'busybox', 'docker-registry'],
  ...['mkfs.ext4', 'mount.nfs', 'fusermount3', 'losetup', 'jq', 'zstd'],
  'node',
  ...['bridge', 'host-local', 'loopback', 'portmap'],
] as const;

/** What is done to the tree once its packages are installed, in this order. */
export interface RootfsFinish {
  /** Directories and files removed. */
  remove: readonly string[];
  files: readonly PlannedFile[];
  /**
   * Touched with a time in the far future. ConditionNeedsUpdate= compares these with /usr, which in an overlay is
   * as new as the machine: without it every first boot rebuilds caches (ldconfig, hwdb, sysusers, catalog).
   */
  upToDate: readonly string[];
}

/** Units that Debian's own targets pull in and a machine has no use for. */
const masked = [
  // agetty on /dev/console, which is a log file; container-getty@ for `machinectl login` stays
  'console-getty.service',
  // without libpam-systemd it only slows the boot
  'systemd-logind.service',
  // the kernel's business, which is the host's: these find read-only files or do nothing
  'dev-hugepages.mount',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'kmod-static-nodes.service',
  'systemd-binfmt.service',
  'systemd-modules-load.service',
  'systemd-random-seed.service',
  'systemd-firstboot.service',
  // removes files from /tmp and /run by age
  'systemd-tmpfiles-clean.timer',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'logrotate.timer',
] as const;

/** How the tree is finished; part of the layer's id. */
export const finish: RootfsFinish = {
  remove: [
    // everything that packages enabled for themselves, Debian's etcd, containerd and timers among it
    '/etc/systemd/system',
    '/etc/systemd/user',
    // written for each machine
    '/etc/hostname',
    '/etc/resolv.conf',
    '/var/lib/dbus/machine-id',
    // how the bootstrap tool ran apt and dpkg, sources and proxy of the host included
    '/etc/apt/sources.list',
    '/etc/apt/sources.list.d',
    '/etc/apt/apt.conf.d/99mmdebstrap',
    '/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
    '/etc/.pwd.lock',
    '/usr/share/doc',
    '/usr/share/info',
    '/usr/share/lintian',
    '/usr/share/locale',
    '/usr/share/man',
    '/var/cache/apt',
    '/var/cache/debconf',
    '/var/cache/ldconfig',
    '/var/lib/apt/lists',
    '/var/log/alternatives.log',
    '/var/log/apt',
    '/var/log/bootstrap.log',
    '/var/log/dpkg.log',
    '/var/log/journal',
    '/var/lib/etcd',
  ],
  files: [
    // empty and not missing: each machine gets an id at its first start, without systemd's first-boot presets,
    // which would enable every unit again
    { path: '/etc/machine-id', mode: 0o444, content: { text: '' } },
    { path: '/var/lib/dbus/machine-id', mode: 0o777, content: { link: '/etc/machine-id' } },
    {
      path: '/etc/systemd/system/default.target',
      mode: 0o777,
      content: link('/usr/lib/systemd/system/multi-user.target'),
    },
    ...masked.map((unit) => ({
      path: `/etc/systemd/system/${unit}`,
      mode: 0o777,
      content: link('/dev/null'),
    })),
    {
      path: '/etc/apt/apt.conf.d/60knest',
      mode: 0o644,
      content: { text: 'APT::Install-Recommends "false";\n' },
    },
    { path: '/etc/dpkg/dpkg.cfg.d/knest', mode: 0o644, content: { text: dpkgExcludes() } },
  ],
  upToDate: ['/etc/.updated', '/var/.updated'],
};

/** Packages installed later bring no documentation and translations either (dpkg(1) --path-exclude). */
function dpkgExcludes(): string {
  return ['doc', 'info', 'lintian', 'locale', 'man']
    .map((name) => `path-exclude=/usr/share/${name}/*\n`)
    .join('');
}

function link(target: string): { link: string } {
  return { link: target };
}
