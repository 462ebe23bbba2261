import type { MachinePlan, PlannedFile, PlannedUnit } from './types.ts';
import { machineUnitFolder } from './unit-files.ts';

/**
 * The machine's planned files that a unit reads, certificates included: those that its text or a drop-in of it names,
 * and those that these name in turn: a kubelet's configuration names its certificate. What
 * no text names, as a program's usual configuration file, the unit says itself.
 */
export function filesRead(unit: PlannedUnit, { files }: Pick<MachinePlan, 'files'>): ReadonlySet<string> {
  const known = new Map(files.map((file) => [file.path, file]));
  const ignored = new Set(unit.ignores);
  const found = new Set<string>();
  const visit = (paths: readonly string[]): void => {
    for (const path of paths) {
      const file = known.get(path);
      if (file === undefined || ignored.has(path) || found.has(path)) continue;
      found.add(path);
      visit(pathsIn(textOf(file)));
    }
  };
  visit([...pathsIn(unit.text), ...(unit.reads ?? []), ...dropInsOf(unit, files)]);
  return found;
}

/** Drop-ins of a unit: systemd.unit(5). */
export function dropInsOf({ name }: Pick<PlannedUnit, 'name'>, files: readonly PlannedFile[]): string[] {
  const folder = `${machineUnitFolder}/${name}.d/`;
  return files.map(({ path }) => path).filter((path) => path.startsWith(folder));
}

function textOf({ content }: PlannedFile): string {
  return 'text' in content ? content.text : '';
}

/** Everything that looks like an absolute path: flags, settings and quoted values alike. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/\/[\w@%+./-]*\w/g)].map(([path]) => path);
}
