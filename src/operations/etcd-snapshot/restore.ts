import { basename, dirname } from 'node:path';

import { listLayers, layerPath } from '../../artifacts/layer-info.ts';
import { KnestError } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import type { Host } from '../../host/types.ts';
import { etcdPeerUrl } from '../../plan/components/etcd.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { MachinePlan, Paths } from '../../plan/types.ts';
import {
  parseSnapshotStatus,
  restoreSnapshotCommand,
  snapshotStatusCommand,
  snapshotTools,
} from '../../tools/etcdctl.ts';
import type { SnapshotStatus } from '../../tools/etcdctl.ts';
import { emptyFolders, layeredCommand } from '../../tools/layered-root.ts';

/** A host with the layers of a machine. */
export interface OnLayers {
  host: Host;
  paths: Paths;
  signal?: AbortSignal;
}

export interface RestoreOptions extends OnLayers {
  /** Of the cluster. The control planes among them are all members of the new etcd, and none of their etcd may run. */
  machines: readonly MachinePlan[];
  /** Snapshot file on the host. */
  file: string;
  progress?: Progress;
}

/** Where a machine sees etcd's data. */
const dataTarget = '/var/lib/etcd';

/**
 * Makes a snapshot the data of all control planes, which are a new etcd with each other: what they had is gone. Machines may
 * run, as long as their etcd does not. After a kill at any point the same call begins again.
 * @throws KnestError when the snapshot is damaged, or no layer has a program that can restore it
 */
export async function restoreEtcdSnapshot(options: RestoreOptions): Promise<void> {
  const { host, file, progress = () => undefined } = options;
  const members = controlPlanesOf(options.machines);
  const urls = Object.fromEntries(members.map((machine) => [machine.name, etcdPeerUrl(machine)]));
  // of members that were restored in different runs none would know the others
  const token = `knest-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  for (const machine of members) {
    progress(machine.name);
    await makeMemberData(options, machine, {
      ...{ file, name: machine.name, members: urls, token },
      target: etcdDataFolder(machine),
    });
  }
  await host.run(['sync', '--file-system', ...members.map(etcdDataFolder)], { okExitCodes: 'any' });
}

/** Where a control plane's data is on the host. */
export function etcdDataFolder({ binds, folder }: Pick<MachinePlan, 'binds' | 'folder'>): string {
  return binds.find(({ target }) => target === dataTarget)?.source ?? `${folder}/data/etcd`;
}

export interface MemberData {
  /** Snapshot file on the host. */
  file: string;
  /** Folder on the host that gets the data; all that is in it goes. */
  target: string;
  name: string;
  members: Readonly<Record<string, string>>;
  token: string;
}

/** Makes the data of one member. @param machine whose layers have the program */
export async function makeMemberData(
  on: OnLayers,
  machine: Pick<MachinePlan, 'layers'>,
  { file, target, name, members, token }: MemberData,
): Promise<void> {
  const { host } = on;
  const made = `${dirname(target)}/etcd-restored`;
  await host.remove(made);
  await host.makeDirectory(made, 0o700);
  try {
    await runOnLayers(on, machine, file, made, (program, snapshot, folder) =>
      restoreSnapshotCommand(program, { file: snapshot, dataDir: `${folder}/data`, name, members, token }),
    );
    // the folder itself stays: a machine that runs has it mounted
    await host.makeDirectory(target, 0o700);
    for (const entry of await host.list(target)) await host.remove(`${target}/${entry}`);
    await host.rename(`${made}/data/member`, `${target}/member`);
  } finally {
    await host.remove(made);
  }
}

/** What is in a snapshot file. @param machine whose layers have the program @throws KnestError when it is damaged */
export async function etcdSnapshotStatus(
  on: OnLayers,
  machine: Pick<MachinePlan, 'layers'>,
  file: string,
  scratch: string,
): Promise<SnapshotStatus> {
  await on.host.makeDirectory(scratch, 0o700);
  const said = await runOnLayers(on, machine, file, scratch, (program, snapshot) =>
    snapshotStatusCommand(program, snapshot),
  );
  const status = parseSnapshotStatus(said);
  if (status) return status;
  throw new KnestError(`${file} is no snapshot of etcd`, {
    code: 'BACKUP_UNUSABLE',
    hint: 'take another one: knest backup list shows which there are',
  });
}

type CommandOn = (program: string, snapshot: string, folder: string) => readonly string[];

/** Runs the program of a machine's layers that knows snapshots. @returns what it printed */
async function runOnLayers(
  on: OnLayers,
  machine: Pick<MachinePlan, 'layers'>,
  file: string,
  folder: string,
  command: CommandOn,
): Promise<string> {
  const { host, signal } = on;
  const { layers, program } = await snapshotProgram(on, machine);
  const root = `${folder}/root`;
  await host.makeDirectory(root, 0o700);
  const { first, second } = emptyFolders;
  const argv = command(program, `${second}/${basename(file)}`, first);
  const binds = { [folder]: first, [dirname(file)]: second };
  try {
    const run = await host.run(layeredCommand({ layers, root, binds, argv }), {
      env: { ETCDCTL_API: '3' },
      ...(signal ? { signal } : {}),
    });
    return run.stdout;
  } finally {
    await host.run(['rmdir', '--', root], { okExitCodes: 'any' });
  }
}

interface SnapshotProgram {
  /** Folders, topmost first. */
  layers: readonly string[];
  /** Path within them. */
  program: string;
}

/**
 * The program that goes with a machine's etcd: of its own layers, else of another system of the same Debian suite, since
 * machines that older versions of knest have made have none.
 * @throws KnestError
 */
export async function snapshotProgram(
  { host, paths }: OnLayers,
  { layers }: Pick<MachinePlan, 'layers'>,
): Promise<SnapshotProgram> {
  const own = layers.map((id) => layerPath(paths, id));
  const known = await listLayers(paths, host);
  const suite = known.find(({ id, kind }) => kind === 'rootfs' && layers.includes(id))?.suite;
  const others = known.filter((layer) => layer.kind === 'rootfs' && layer.suite === suite);
  for (const folders of [own, ...others.map(({ id }) => [layerPath(paths, id)])]) {
    for (const program of Object.values(snapshotTools)) {
      const found = await Promise.all(folders.map((folder) => host.stat(`${folder}${program}`)));
      if (found.some((one) => one !== undefined)) return { layers: folders, program };
    }
  }
  throw new KnestError('no layer of the nodes has etcdctl or etcdutl, which restore snapshots of etcd', {
    code: 'LAYER_UNUSABLE',
    hint: `make one that has: knest build image${suite === undefined ? '' : ` --suite ${suite}`}`,
  });
}
