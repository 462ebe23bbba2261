import { parallel, serial } from '../../apply/runner.ts';
import type { Sequence, Step } from '../../apply/runner.ts';
import type { MachineManager } from '../../managers/types.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { writeAppliedMachine } from '../../state/applied.ts';
import { clusterFolder } from '../../state/clusters.ts';
import { joinEtcd } from './etcd-membership.ts';
import type { Session } from '../session.ts';
import { bootMachine } from '../steps.ts';

export interface NewNodes {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
  cluster: string;
  /** Machines that are in the cluster already. */
  present: readonly MachinePlan[];
  /** The new machines. */
  machines: readonly MachinePlan[];
}

/**
 * Makes the machines of new nodes and starts them; each is recorded once it runs. Control planes are added one after the
 * other: etcd takes a new member only when all others are well. Running the steps again is harmless.
 */
export function bootSteps(nodes: NewNodes): Sequence {
  const { session, manager, material, cluster, machines } = nodes;
  const { host, paths } = session;
  const start = (machine: MachinePlan, signal: AbortSignal): Promise<void> =>
    bootMachine(session, manager, machine, material, signal);
  const steps = machines.map((machine): Step => ({
    id: `machine/${machine.name}`,
    title: `Machine ${machine.name} (${machine.address})`,
    run: async ({ signal }) => {
      if (machine.role === 'worker') await start(machine, signal);
      else {
        const members = membersBefore(nodes, machine);
        await joinEtcd(host, members, machine, material, () => start(machine, signal), signal);
      }
      await writeAppliedMachine(host, clusterFolder(paths, cluster), machine, material);
    },
  }));
  return machines.some(({ role }) => role === 'control-plane') ? serial(...steps) : parallel(...steps);
}

/** The control planes that are in etcd before this machine joins. */
export function membersBefore(
  { present, machines }: Pick<NewNodes, 'present' | 'machines'>,
  machine: MachinePlan,
): MachinePlan[] {
  return controlPlanesOf([...present, ...machines.slice(0, machines.indexOf(machine))]);
}
