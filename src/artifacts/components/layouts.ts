/** What the projects' releases look like, and where their programs go: the places that Debian's packages have them at. */

import type { ComponentName } from '../../spec/types.ts';

/** The projects' own server; a mirror has the same paths. */
export const defaultComponentServer = 'https://github.com';

interface ComponentLayout {
  /** Owner and name of the project on GitHub. */
  repository: string;
  /** The file with the programs: a tar archive, or the only program itself. */
  file: (version: string, arch: string) => string;
  /** The file with its sha256: sha256sum's lines, of this file alone or of several. */
  checksums: (version: string, arch: string) => string;
  /** Programs, by the path in the machine; each must be there. */
  programs: Readonly<Record<string, string>>;
  /** The same; some versions have them and others do not. */
  perhaps: Readonly<Record<string, string>>;
  /** By other names, where Debian has them as well: where each link leads. */
  links: Readonly<Record<string, string>>;
  /** Which program says its version, and how it is asked. */
  asks: { program: string; argv: readonly string[] };
}

/** @param names of programs that are all in one folder */
function inFolder(folder: string, ...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, `${folder}/${name}`]));
}

export const componentLayouts: Readonly<Record<ComponentName, ComponentLayout>> = {
  containerd: {
    repository: 'containerd/containerd',
    file: (version, arch) => `containerd-${version}-linux-${arch}.tar.gz`,
    checksums: (version, arch) => `containerd-${version}-linux-${arch}.tar.gz.sha256sum`,
    programs: inFolder('/usr/bin', 'containerd', 'containerd-shim-runc-v2', 'ctr'),
    // of containerd 1.x
    perhaps: inFolder('/usr/bin', 'containerd-shim', 'containerd-shim-runc-v1'),
    links: {},
    asks: { program: 'containerd', argv: ['--version'] },
  },
  runc: {
    repository: 'opencontainers/runc',
    file: (_version, arch) => `runc.${arch}`,
    checksums: () => 'runc.sha256sum',
    programs: inFolder('/usr/sbin', 'runc'),
    perhaps: {},
    links: { '/usr/bin/runc': '../sbin/runc' },
    asks: { program: 'runc', argv: ['--version'] },
  },
  cniPlugins: {
    repository: 'containernetworking/plugins',
    file: (version, arch) => `cni-plugins-linux-${arch}-v${version}.tgz`,
    checksums: (version, arch) => `cni-plugins-linux-${arch}-v${version}.tgz.sha256`,
    programs: inFolder('/usr/lib/cni', 'bridge', 'host-local', 'loopback', 'portmap'),
    perhaps: inFolder(
      '/usr/lib/cni',
      ...['bandwidth', 'dhcp', 'dummy', 'firewall', 'host-device', 'ipvlan', 'macvlan', 'ptp', 'sbr'],
      ...['static', 'tap', 'tuning', 'vlan', 'vrf'],
    ),
    links: {},
    // asked nothing, plugins tell what they are
    asks: { program: 'bridge', argv: [] },
  },
  etcd: {
    repository: 'etcd-io/etcd',
    file: (version, arch) => `etcd-v${version}-linux-${arch}.tar.gz`,
    checksums: () => 'SHA256SUMS',
    programs: inFolder('/usr/bin', 'etcd'),
    perhaps: inFolder('/usr/bin', 'etcdctl', 'etcdutl'),
    links: {},
    asks: { program: 'etcd', argv: ['--version'] },
  },
};

/** Where a release's file is. */
export function releaseUrl(baseUrl: string, component: ComponentName, version: string, file: string): string {
  return `${baseUrl}/${componentLayouts[component].repository}/releases/download/v${version}/${file}`;
}

/**
 * The checksum of a file among the lines of sha256sum(1); a bare one is that of the only file that there can be.
 * @returns undefined: it is not there
 */
export function checksumIn(text: string, file: string): string | undefined {
  const lines = text.split('\n').map((line) => /^([0-9a-f]{64})(?:\s+\*?(\S+))?\s*$/i.exec(line.trim()));
  const found = lines.find(
    (match) => match !== null && (match[2] === undefined || match[2].replace(/^.*\//, '') === file),
  );
  return found?.[1]?.toLowerCase();
}

/** The version in the first line of what a program says of itself: "containerd github.com/... v2.3.4 abc". */
export function versionSaid(text: string): string | undefined {
  const [line = ''] = text.trimStart().split('\n');
  return /[\s:]v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)(?=[\s+~-]|$)/.exec(line)?.[1];
}
