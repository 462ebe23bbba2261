import type { CgroupFacts } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import type { MachinePlan } from '../plan/types.ts';
import { directManager } from './direct/manager.ts';
import type { MachineManager } from './types.ts';
import { systemdManager } from './systemd/manager.ts';

/** The manager of a host's machines: each is run by the one that it was planned for. */
export function machineManager(host: Host, cgroup: CgroupFacts): MachineManager {
  const direct = directManager(host, cgroup);
  const systemd = systemdManager(host, cgroup);
  const of = (machine: MachinePlan): MachineManager => (machine.service ? systemd : direct);
  return {
    leader: (machine) => of(machine).leader(machine),
    start: (machine, signal) => of(machine).start(machine, signal),
    stop: (machine) => of(machine).stop(machine),
    destroy: (machine) => of(machine).destroy(machine),
    run: (machine, argv, options) => of(machine).run(machine, argv, options),
    consoleTail: (machine) => of(machine).consoleTail(machine),
    enterCommand: (machine, argv, terminal) => of(machine).enterCommand(machine, argv, terminal),
  };
}
