import { diffFromEither } from '../diff/from-either.ts';
import type { MachineWork } from '../diff/types.ts';
import type { Host } from '../host/types.ts';
import type { MachineManager } from '../managers/types.ts';
import { withReason } from '../managers/unit-failure.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { MachinePlan } from '../plan/types.ts';
import { mountsBelow } from '../tools/mount.ts';
import { makeFolders, writePlanned } from './machine-files.ts';

/**
 * Brings a machine to a new plan, whether it runs or not. Its files are written. If it runs, the units that read changed
 * files are restarted; if its layers, its binds or the settings of systemd-nspawn change, the whole machine is. Calling it
 * again is harmless.
 * @param renewed names of key material that the machine has in an older version
 * @param underway a plan that it was on its way to when that was interrupted: it may have parts of it
 * @throws CommandError when a command fails, KnestError when the machine or a unit of it does not start
 */
export async function updateMachine(
  host: Host,
  manager: MachineManager,
  before: MachinePlan,
  after: MachinePlan,
  material: KeyMaterial,
  renewed?: ReadonlySet<string>,
  underway?: MachinePlan,
): Promise<void> {
  const difference = diffFromEither(underway ? [before, underway] : [before], after, renewed);
  const running = (await manager.leader(before)) !== undefined;
  if (difference)
    await (difference.work.reboot ? reboot : updateInPlace)(
      { host, manager, before, after, material, running },
      difference.work,
    );
  else if (running) await runLiveCommands(manager, after);
}

interface Update {
  host: Host;
  manager: MachineManager;
  before: MachinePlan;
  after: MachinePlan;
  material: KeyMaterial;
  running: boolean;
}

/** Stops a machine that runs, changes it, and starts it again. */
async function reboot(update: Update, work: MachineWork): Promise<void> {
  const { host, manager, before, after, running } = update;
  if (running) await manager.stop(before);
  // the overlay of a stopped machine may still be mounted, with the old layers
  await manager.releaseRoot(before);
  await makeFolders(host, after);
  await writeFiles(update, work);
  if (running) await manager.start(after);
}

async function updateInPlace(update: Update, work: MachineWork): Promise<void> {
  const { manager, before, after, running } = update;
  if (running && work.stop.length > 0) {
    await manager.run(after, ['systemctl', 'stop', '--', ...work.stop], { okExitCodes: 'any' });
  }
  await writeFiles(update, work);
  if (!running) return;
  if (work.reload) await manager.run(after, ['systemctl', 'daemon-reload']);
  // one after the other, in the order of the plan: etcd before those that need it
  for (const unit of work.restart) {
    // what only others start is not started for it
    const { wantedBy } = after.units.find(({ name }) => name === unit) ?? {};
    const verb = wantedBy === undefined ? 'try-restart' : 'restart';
    await withReason(manager, after, unit, () => manager.run(after, ['systemctl', verb, '--', unit]));
  }
  await runLiveCommands(manager, after);
  await manager.catchUp(before, after);
}

async function writeFiles({ host, manager, after, material }: Update, work: MachineWork): Promise<void> {
  const tree = await writableTree(host, after);
  await Promise.all([
    ...work.write.map((file) => writePlanned(host, tree, file, material)),
    ...work.remove.map((path) => host.remove(`${tree}${path}`)),
    manager.writeFiles(after),
    ...work.removeFromHost.map((path) => host.remove(path)),
  ]);
}

async function runLiveCommands(manager: MachineManager, machine: MachinePlan): Promise<void> {
  for (const { argv, input, mayFail } of machine.liveCommands) {
    await manager.run(machine, argv, {
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
