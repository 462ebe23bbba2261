import type { HostFacts } from '../../../facts/types.ts';
import type { PlannedFile, SystemdRun } from '../../types.ts';
import { nspawnPlaces } from '../nspawn-paths.ts';
import type { MachineRunInput } from '../types.ts';
import { limitsDropIn, serviceDropIn } from './drop-in.ts';
import { enterCgroupsScript, ownCgroups } from './enter-cgroups.ts';
import { overlayMount } from './mount.ts';
import {
  clusterTarget,
  machineMount,
  machineUnit,
  propertyFolders,
  sweepScript,
  unitFolder,
} from './names.ts';
import { nspawnFile } from './settings.ts';

/**
 * How the host's systemd runs a machine: its own systemd-nspawn@.service with settings, a drop-in, a mount unit and a
 * link that starts it with the cluster. Nothing of knest is needed for that, not even its being installed.
 */
export function planService(machine: MachineRunInput, facts: Pick<HostFacts, 'cgroup'>): SystemdRun {
  const { name, cluster, folder, root, lower } = machine;
  const unit = machineUnit(name);
  const mount = machineMount(name);
  const dropIns = `${unitFolder}/${unit}.d`;
  const script = enterCgroupsScript(name, facts.cgroup);
  const scriptPath = `${folder}/enter-cgroups`;
  const limits = limitsDropIn(name, machine.resources);
  return {
    manager: 'systemd',
    unit,
    mount,
    files: [
      text(`/etc/systemd/nspawn/${name}.nspawn`, nspawnFile({ ...machine, machine: name })),
      text(
        `${dropIns}/10-knest.conf`,
        serviceDropIn({
          machine: name,
          cluster,
          needs: [folder],
          unifiedCgroup: machine.unifiedCgroup,
          started: machine.started,
          ...('hostNetwork' in machine.link ? { sweep: sweepScript(machine.clusterFolder) } : {}),
          enterCgroups: script === undefined ? undefined : scriptPath,
        }),
      ),
      ...(limits === undefined ? [] : [text(`${dropIns}/20-knest-limits.conf`, limits)]),
      text(`${unitFolder}/${mount}`, overlayMount({ ...machine, machine: name, lower })),
      // as `machinectl enable` makes it
      {
        path: `${unitFolder}/${clusterTarget(cluster)}.wants/${unit}`,
        mode: 0o777,
        content: { link: '/usr/lib/systemd/system/systemd-nspawn@.service' },
      },
      ...(script === undefined ? [] : [{ path: scriptPath, mode: 0o755, content: { text: script } }]),
    ],
    cgroups: ownCgroups(name, facts.cgroup),
    traces: [
      root,
      // lock files of systemd-nspawn
      `/var/lib/machines/.#${name}.lck`,
      ...nspawnPlaces(name),
      // limits that were changed live: a later machine of this name has its own
      ...propertyFolders.map((folder) => `${folder}/${unit}.d`),
      // the host's journal links to that of the machine
      ...(machine.machineId === undefined ? [] : [`/var/log/journal/${machine.machineId}`]),
    ],
  };
}

function text(path: string, content: string): PlannedFile {
  return { path, mode: 0o644, content: { text: content } };
}
