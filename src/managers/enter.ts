import { KnestError } from '../errors.ts';
import type { CgroupFacts } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import type { MachinePlan } from '../plan/types.ts';
import { cgroupProcsFiles } from '../tools/cgroup.ts';
import { enterMachineCommand } from '../tools/nsenter.ts';
import type { MachineManager } from './types.ts';

type Known = Pick<MachineManager, 'leader' | 'consoleTail'>;

/**
 * How programs get into a machine, whoever runs it: into the namespaces and cgroups of its process 1.
 * @param hint what to do about a machine that does not run
 */
export function entering(
  host: Host,
  cgroup: CgroupFacts,
  { leader, consoleTail }: Known,
  hint: (machine: MachinePlan) => string,
): Pick<MachineManager, 'enterCommand' | 'run'> {
  const enterCommand: MachineManager['enterCommand'] = async (machine, argv, terminal) => {
    const pid = await leader(machine);
    if (pid === undefined) {
      throw new KnestError(`machine ${machine.name} does not run on ${host.name}`, {
        code: 'MACHINE_NOT_RUNNING',
        hint: hint(machine),
        details: await consoleTail(machine),
      });
    }
    const groups = (await host.readFile(`/proc/${pid}/cgroup`)) ?? '';
    // not systemd-run -M: that asks the machine's dbus, which is not there in the first second
    return enterMachineCommand(pid, cgroupProcsFiles(groups, cgroup), argv, terminal);
  };
  return {
    enterCommand,
    run: async (machine, argv, options) => host.run(await enterCommand(machine, argv, 'dumb'), options),
  };
}
