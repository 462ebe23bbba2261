/** What was changed by hand in a cluster, as something that a change puts right. */

import type { Change, ClusterChanges } from '../../diff/types.ts';
import { checkClusterHost } from '../../observe/checks/cluster-host.ts';
import { readDrift } from '../../observe/drift.ts';
import type { MachineDrift } from '../../observe/drift.ts';
import type { MachinePlan, PlannedFile } from '../../plan/types.ts';
import { machineUnitFolder } from '../../plan/unit-files.ts';
import type { AppliedMachine } from '../../state/applied.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import type { OpenCluster } from './open-cluster.ts';

export interface Drift {
  machines: readonly MachineDrift[];
  /** Sentences of what is missing on the host, each a change that makes it again. */
  host: readonly Change[];
}

/** Looks at the machines as far as they have been made, and at the host while some of them run. */
export async function findDrift({ session, manager, material, record }: OpenCluster): Promise<Drift> {
  const { applied, plan } = record;
  const present = applied.machines.filter(({ underway }) => !underway).map(({ machine }) => machine);
  const leaders = await Promise.all(
    present.map(async (machine) => [machine.name, await manager.leader(machine)] as const),
  );
  const running = new Set(leaders.filter(([, leader]) => leader !== undefined).map(([name]) => name));
  const [machines, checks] = await Promise.all([
    readDrift(session.host, present, material),
    running.size === 0 ? [] : checkClusterHost(session.host, plan, running),
  ]);
  const host = checks
    .filter(({ ok }) => !ok)
    .map(({ says, detail }): Change => {
      const what = says.startsWith('kernel settings') ? 'kernel setting' : 'network';
      return {
        what,
        says: `no more: ${says} (${detail})`,
        cost: 'none',
        why: 'somebody has changed the host',
      };
    });
  return { machines, host };
}

/** A mark for what is at a file now: nobody knows, and it is not what was planned. */
const byHand = 'changed by hand';

/** The record of a cluster whose machines are known to be other than they were made: from there a change begins. */
export function withDrift(record: ClusterRecord, { machines }: Drift): ClusterRecord {
  const { applied } = record;
  const drifted = applied.machines.map((one): AppliedMachine => {
    const drift = machines.find(({ machine }) => machine === one.machine.name);
    return drift ? { ...one, underway: asFound(one.machine, drift) } : one;
  });
  return { ...record, applied: { ...applied, machines: drifted } };
}

function asFound(machine: MachinePlan, { files }: MachineDrift): MachinePlan {
  const drifted = new Set(files.map(({ path }) => path));
  const found = (file: PlannedFile): PlannedFile =>
    drifted.has(file.path) ? { ...file, content: { text: byHand } } : file;
  return {
    ...machine,
    files: machine.files.map(found),
    units: machine.units.map(({ wantedBy, ...unit }) => ({
      ...unit,
      ...(drifted.has(`${machineUnitFolder}/${unit.name}`) ? { text: byHand } : {}),
      ...(wantedBy === undefined || drifted.has(`${machineUnitFolder}/${wantedBy}.wants/${unit.name}`)
        ? {}
        : { wantedBy }),
    })),
  };
}

const howInWords: Readonly<Record<MachineDrift['files'][number]['how'], string>> = {
  missing: 'is gone',
  changed: 'was changed by hand',
  mode: 'has other permissions',
  kind: 'is something else than it was',
};

/** The same changes, in which what was changed by hand is called so. */
export function sayDrift(changes: ClusterChanges, { machines, host }: Drift): ClusterChanges {
  return {
    ...changes,
    host: [...changes.host, ...host],
    machines: changes.machines.map((difference) => {
      const files = machines.find(({ machine }) => machine === difference.name)?.files ?? [];
      const says = difference.changes.map((change): Change => {
        const file = files.find(({ path }) => isAbout(change, path));
        if (!file) return change;
        return { ...change, says: `${file.path} ${howInWords[file.how]}`, why: 'it is written again' };
      });
      return { ...difference, changes: says };
    }),
  };
}

function isAbout({ says }: Change, path: string): boolean {
  const unit = path.startsWith(`${machineUnitFolder}/`) ? path.slice(path.lastIndexOf('/') + 1) : path;
  return (
    [`${path} is written`, `${path} is made anew`].includes(says) || says.startsWith(`${unit} is another`)
  );
}
