/** What of the host a machine sees, and at which place. */

import type { Problem } from '../errors.ts';
import type { HostFacts, HostPathKind } from '../facts/types.ts';
import type { ClusterSpec, ExtraMount, HostPathType, NodeSpec } from '../spec/types.ts';
import type { PlannedBind } from './types.ts';

/** Where systemd-nspawn mounts its own after what is bound, and would cover that (mount_all(), mount_sysfs()). */
const covered = /^\/(proc|sys)(\/|$)/;

/**
 * Where a machine finds what it mounts itself at its place, as systemd-nspawn cannot; undefined: systemd-nspawn can.
 * @param index of the mount among those of the node
 */
export function stagedAt(containerPath: string, index: number): string | undefined {
  return covered.test(containerPath) ? `/run/knest/mounts/${index}` : undefined;
}

/** Where drivers leave descriptions of their devices (Container Device Interface: SPEC.md). */
export const cdiFolders = ['/etc/cdi', '/var/run/cdi'] as const;

/** Paths of the host that a spec names, to be looked at before it is planned. */
export function pathsOfHost({ nodes }: Pick<ClusterSpec, 'nodes'>): string[] {
  const mounts = nodes.flatMap(({ extraMounts }) => extraMounts.map(({ hostPath }) => hostPath));
  return [...new Set([...mounts, ...(nodes.some(({ cdi }) => cdi) ? cdiFolders : [])])];
}

type Found = Pick<HostFacts, 'devices' | 'kernelModules' | 'hostPaths'>;

/**
 * Everything of the host that a node sees, the user's mounts last.
 * @param kept sources of what the machine had so far; undefined: it is a new one
 */
export function hostBinds(spec: NodeSpec, found: Found, kept: readonly string[] | undefined): PlannedBind[] {
  const has = (source: string, now: boolean): boolean => (kept === undefined ? now : kept.includes(source));
  const { devices, kernelModules } = found;
  const bound = [
    // for fuse file systems in pods
    '/dev/fuse',
    ...(spec.devices ?? []).flatMap((wanted) => matching(wanted, kept ?? devices)),
  ].filter((device) => has(device, devices.includes(device)));
  const cdi = spec.cdi ? cdiFolders.filter((folder) => has(folder, isThere(folder, found))) : [];
  const binds: PlannedBind[] = [
    ...bound.map((device) => ({ source: device, target: device })),
    // for those who load modules in the name of a node (IPVS, storage drivers) or compile BPF programs for this kernel
    ...(has('/lib/modules', kernelModules)
      ? [{ source: '/lib/modules', target: '/usr/lib/modules', readOnly: true }]
      : []),
    ...cdi.map((folder) => ({ source: folder, target: folder, readOnly: true })),
    ...spec.extraMounts.map(mountOf),
  ];
  return [...new Map(binds.map((bind) => [placeOf(bind), bind])).values()];
}

function mountOf({ hostPath, containerPath, readOnly, type }: ExtraMount, index: number): PlannedBind {
  const make = type === undefined ? undefined : made[type];
  return {
    source: hostPath,
    target: stagedAt(containerPath, index) ?? containerPath,
    ...(readOnly ? { readOnly } : {}),
    ...(make === undefined ? {} : { make }),
  };
}

const made: Partial<Record<HostPathType, 'directory' | 'file'>> = {
  '': 'directory',
  DirectoryOrCreate: 'directory',
  FileOrCreate: 'file',
};

/** /lib is a link to /usr/lib in Debian. */
function placeOf({ target }: PlannedBind): string {
  return target.replace(/^\/lib(\/|$)/, '/usr/lib$1');
}

/** The device itself, those in a folder, or those that fit a pattern; `*` and `?` stand for no slash (glob(7)). */
function matching(wanted: string, devices: readonly string[]): string[] {
  const pattern = wanted
    .replaceAll(/[.+^$(){}|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  const fits = new RegExp(`^${pattern}${/[*?]/.test(wanted) ? '$' : '(/|$)'}`);
  return devices.filter((device) => fits.test(device));
}

function isThere(path: string, { hostPaths = {} }: Found): boolean {
  return (hostPaths[path] ?? 'missing') !== 'missing';
}

/**
 * Without mounts of devices that the host does not have: in kind's configs a path that is not there becomes a directory, and
 * nobody wants one in place of a device.
 * @param there names of nodes that are there already
 */
export function withoutAbsentDevices<Spec extends Pick<ClusterSpec, 'nodes'>>(
  spec: Spec,
  found: Found,
  there: ReadonlySet<string>,
): Spec {
  return {
    ...spec,
    nodes: spec.nodes.map((node) =>
      there.has(node.name)
        ? node
        : { ...node, extraMounts: node.extraMounts.filter((mount) => !isAbsentDevice(mount, found)) },
    ),
  };
}

function isAbsentDevice({ hostPath, type }: ExtraMount, { hostPaths = {} }: Found): boolean {
  return type === '' && hostPath.startsWith('/dev/') && hostPaths[hostPath] === 'missing';
}

/** What a path must be for each type, and what it is called. */
const required: Partial<Record<HostPathType, { kind: HostPathKind; called: string }>> = {
  Directory: { kind: 'directory', called: 'directory' },
  DirectoryOrCreate: { kind: 'directory', called: 'directory' },
  File: { kind: 'file', called: 'file' },
  FileOrCreate: { kind: 'file', called: 'file' },
  Socket: { kind: 'socket', called: 'socket' },
  CharDevice: { kind: 'character device', called: 'character device' },
  BlockDevice: { kind: 'block device', called: 'block device' },
};

/** Mounts whose path is not what it has to be. Paths that nobody has looked at are not judged. */
export function hostPathProblems(
  { nodes }: Pick<ClusterSpec, 'nodes'>,
  { hostPaths = {} }: Pick<HostFacts, 'hostPaths'>,
  there: ReadonlySet<string>,
): Problem[] {
  return nodes.flatMap(({ name, extraMounts }, node) =>
    there.has(name)
      ? []
      : extraMounts.flatMap(({ hostPath, type }, index): Problem[] => {
          const path = `nodes[${node}].extraMounts[${index}].hostPath`;
          const kind = hostPaths[hostPath];
          const wanted = type === undefined ? undefined : required[type];
          if (kind === undefined) return [];
          if (kind === 'missing') {
            if (type !== undefined && made[type] !== undefined) return [];
            const what = wanted?.called ?? 'file or directory';
            const hint = 'make it, or say type: DirectoryOrCreate (or FileOrCreate) beside it';
            return [{ path, message: `there is no ${what} ${hostPath} on this host`, hint }];
          }
          if (wanted === undefined || kind === wanted.kind) return [];
          const message = `${hostPath} is a ${kind} on this host, and no ${wanted.called}`;
          return [{ path, message, hint: `change its type, which is ${type ?? ''}, or the path` }];
        }),
  );
}

/** What a spec asks for and the host does not have: nodes come without it. */
export function hostPathWarnings(
  spec: Pick<ClusterSpec, 'nodes'>,
  found: Found,
  there: ReadonlySet<string>,
): Problem[] {
  return spec.nodes.flatMap(({ name, devices = [], cdi, extraMounts }, node): Problem[] => {
    if (there.has(name)) return [];
    const at = `nodes[${node}]`;
    const absent = (path: string, what: string): Problem => ({
      path,
      message: `this host has no ${what}: ${name} comes without it`,
    });
    return [
      ...devices.flatMap((wanted, index) =>
        matching(wanted, found.devices).length > 0 ? [] : [absent(`${at}.devices[${index}]`, wanted)],
      ),
      ...extraMounts.flatMap((mount, index) =>
        isAbsentDevice(mount, found) ? [absent(`${at}.extraMounts[${index}].hostPath`, mount.hostPath)] : [],
      ),
      ...(cdi && !cdiFolders.some((folder) => isThere(folder, found))
        ? [absent(`${at}.cdi`, cdiFolders.join(' and no '))]
        : []),
    ];
  });
}
