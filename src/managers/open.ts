import { KnestError } from '../errors.ts';
import type { CgroupFacts } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import type { ClusterPlan, MachinePlan, ManagerName } from '../plan/types.ts';
import { directManager } from './direct/manager.ts';
import { systemdManager } from './systemd/manager.ts';
import type { MachineManager } from './types.ts';

/** The host side of every manager; each has its pure side in plan/managers. */
export type ManagerFactories = Readonly<
  Record<ManagerName, (host: Host, cgroup: CgroupFacts) => MachineManager>
>;

export const managerFactories: ManagerFactories = { systemd: systemdManager, direct: directManager };

/**
 * All managers of a host as one: every machine and every cluster is handed to the manager that it was planned for.
 * @param factories the managers that there are
 */
export function machineManager(
  host: Host,
  cgroup: CgroupFacts,
  factories: ManagerFactories = managerFactories,
): MachineManager {
  const managers = new Map(
    Object.entries(factories).map(([name, open]): [string, MachineManager] => [name, open(host, cgroup)]),
  );
  const managerOf = (planned: Planned): MachineManager => {
    const name = 'run' in planned ? planned.run.manager : planned.manager;
    const manager = managers.get(name);
    if (manager) return manager;
    throw new KnestError(`this knest has no manager "${name}" of machines`, {
      code: 'RECORD_TOO_NEW',
      hint: `it has: ${[...managers.keys()].join(', ')}; use the knest that made the cluster`,
    });
  };
  const methods = new Set([...managers.values()].flatMap((manager) => Object.keys(manager) as Name[]));
  return dispatching([...methods], managerOf);
}

type Planned = MachinePlan | ClusterPlan;
type Name = keyof MachineManager;
type Method = (planned: Planned, ...rest: readonly unknown[]) => Promise<unknown>;

/** A manager that hands every call to the manager for which the first argument, a machine or a cluster, was planned. */
function dispatching(
  methods: readonly Name[],
  managerOf: (planned: Planned) => MachineManager,
): MachineManager {
  const forward =
    (name: Name): Method =>
    async (planned, ...rest) =>
      await (managerOf(planned)[name] as Method)(planned, ...rest);
  return Object.fromEntries(methods.map((name) => [name, forward(name)])) as unknown as MachineManager;
}
