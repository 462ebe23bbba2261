import { isDeepStrictEqual } from 'node:util';

import type { Host } from '../host/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { MachinePlan, PlannedFile, PlannedUnit } from '../plan/types.ts';
import { mountsBelow } from '../tools/mount.ts';
import { unitFiles, writePlanned } from './machine-files.ts';
import type { MachineManager } from '../managers/types.ts';

/** What is to be done to a machine so that it is as another plan says. */
export interface MachineChange {
  write: readonly PlannedFile[];
  /** Paths that the new plan does not have. */
  remove: readonly string[];
  /** Units in the order in which they are ended, and started (again). */
  stop: readonly string[];
  restart: readonly string[];
  reload: boolean;
}

/**
 * Pure: the difference between two plans of a machine.
 * @param renewed files of key material that are not what they were, under the same names
 */
export function machineChange(
  before: MachinePlan,
  after: MachinePlan,
  renewed: ReadonlySet<string> = new Set(),
): MachineChange {
  const [old, fresh] = [before, after].map(
    (machine) => new Map([...machine.files, ...unitFiles(machine)].map((file) => [file.path, file])),
  ) as [Map<string, PlannedFile>, Map<string, PlannedFile>];
  const isRenewed = ({ content }: PlannedFile) => 'pki' in content && renewed.has(content.pki);
  const write = [...fresh.values()].filter(
    (file) => isRenewed(file) || !isDeepStrictEqual(old.get(file.path), file),
  );
  const changed = new Set(write.map(({ path }) => path));
  const known = new Map(before.units.map((unit) => [unit.name, unit]));
  const restart = after.units.filter((unit) => {
    const present = known.get(unit.name);
    return present?.text !== unit.text || (unit.reads ?? []).some((path) => changed.has(path));
  });
  const stop = before.units.filter(({ name }) => !after.units.some((unit) => unit.name === name));
  return {
    write,
    remove: [...old.keys()].filter((path) => !fresh.has(path)),
    stop: stop.map(nameOf),
    restart: restart.map(nameOf),
    reload: stop.length > 0 || after.units.some(({ name, text }) => known.get(name)?.text !== text),
  };
}

function nameOf({ name }: PlannedUnit): string {
  return name;
}

/**
 * Makes a machine what a new plan says, running or not: its files, then, where it runs, the units that read them and
 * what needs no restart. Again is harmless.
 */
export async function updateMachine(
  host: Host,
  manager: MachineManager,
  before: MachinePlan,
  after: MachinePlan,
  material: KeyMaterial,
  renewed?: ReadonlySet<string>,
): Promise<void> {
  const change = machineChange(before, after, renewed);
  const running = (await manager.leader(after)) !== undefined;
  if (running && change.stop.length > 0) {
    await manager.run(after, ['systemctl', 'stop', '--', ...change.stop], { okExitCodes: 'any' });
  }
  const tree = await writableTree(host, after);
  await Promise.all([
    ...change.write.map((file) => writePlanned(host, tree, file, material)),
    ...change.remove.map((path) => host.remove(`${tree}${path}`)),
    manager.writeFiles(after),
  ]);
  if (!running) return;
  if (change.reload) await manager.run(after, ['systemctl', 'daemon-reload']);
  // one after the other, in the order of the plan: etcd before those that need it
  for (const unit of change.restart) await manager.run(after, ['systemctl', 'restart', '--', unit]);
  for (const { argv, input, mayFail } of after.liveCommands) {
    await manager.run(after, argv, {
      ...(input === undefined ? {} : { input }),
      ...(mayFail ? { okExitCodes: 'any' as const } : {}),
    });
  }
}

/** Through the mounted overlay where there is one: writing below it is undefined (kernel: overlayfs.rst). */
async function writableTree(host: Host, { root, upper }: MachinePlan): Promise<string> {
  const mountinfo = (await host.readFile('/proc/self/mountinfo')) ?? '';
  return mountsBelow(mountinfo, root).includes(root) ? root : upper;
}
