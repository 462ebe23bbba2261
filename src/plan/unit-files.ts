import type { MachinePlan, PlannedFile } from './types.ts';

/** Where a machine's units are, as seen inside. */
export const machineUnitFolder = '/etc/systemd/system';

/** Units with the links by which targets pull them in, as `systemctl enable` makes them. */
export function unitFiles(machine: Pick<MachinePlan, 'units'>): PlannedFile[] {
  return machine.units.flatMap(({ name, text, wantedBy }) => [
    { path: `${machineUnitFolder}/${name}`, mode: 0o644, content: { text } },
    ...(wantedBy === undefined
      ? []
      : [
          {
            path: `${machineUnitFolder}/${wantedBy}.wants/${name}`,
            mode: 0o777,
            content: { link: `../${name}` },
          },
        ]),
  ]);
}
