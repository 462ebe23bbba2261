import type { MachinePlan, PlannedFile, PlannedUnit } from '../plan/types.ts';
import { machineUnitFolder, unitFiles } from '../plan/unit-files.ts';
import { differs } from './equal.ts';
import { dropInsOf, filesRead } from '../plan/files-read.ts';
import { diffRun } from './run.ts';
import type { RunDifference } from './run.ts';
import type { Change, MachineDifference, MachineWork } from './types.ts';

/**
 * The difference between two plans of one machine: what is to be done, and a sentence for each part of the plan.
 * @param renewed files of key material that are not what the machine has under the same names
 * @returns undefined when there is none
 */
export function diffMachine(
  before: MachinePlan,
  after: MachinePlan,
  renewed: ReadonlySet<string> = new Set(),
): MachineDifference | undefined {
  if (renewed.size === 0 && !differs(before, after)) return undefined;
  const run = diffRun(before.run, after.run);
  const files = diffFiles(before, after, renewed);
  const restarts = restartsOf(before, after, new Set(files.write.map(({ path }) => path)));
  const reboot =
    run.reboot ||
    leftBehind(before, after).length > 0 ||
    rebootFields.some((field) => differs(before[field], after[field]));
  const work = { ...files, ...restarts, reboot, removeFromHost: run.removeFromHost };
  const inputs: Inputs = { before, after, renewed, work, run };
  const changes = Object.values(comparisons).flatMap((compare) => compare(inputs));
  if (changes.length === 0) return undefined;
  return { name: after.name, kind: 'changed', changes, work };
}

/** What only a machine that is off can be given. */
const rebootFields = ['root', 'upper', 'work', 'layers', 'binds'] as const;

/** Units that leave something in the kernel of the machine that the new plan does not have. */
function leftBehind(before: MachinePlan, after: MachinePlan): PlannedUnit[] {
  return before.units.filter(({ name, leaves }) => {
    if (leaves === undefined) return false;
    return after.units.find((unit) => unit.name === name)?.leaves !== leaves;
  });
}

function diffFiles(
  before: MachinePlan,
  after: MachinePlan,
  renewed: ReadonlySet<string>,
): Pick<MachineWork, 'write' | 'remove'> {
  const [old, fresh] = [before, after].map(
    (machine) => new Map([...machine.files, ...unitFiles(machine)].map((file) => [file.path, file])),
  ) as [Map<string, PlannedFile>, Map<string, PlannedFile>];
  return {
    write: [...fresh.values()].filter(
      (file) => isRenewed(file, renewed) || differs(old.get(file.path), file),
    ),
    remove: [...old.keys()].filter((path) => !fresh.has(path)),
  };
}

/** Whether a key or a secret that the file holds is another one. */
function isRenewed({ content }: PlannedFile, renewed: ReadonlySet<string>): boolean {
  if ('pki' in content) return renewed.has(content.pki);
  return 'text' in content && (content.secrets ?? []).some((name) => renewed.has(name));
}

function restartsOf(
  before: MachinePlan,
  after: MachinePlan,
  written: ReadonlySet<string>,
): Pick<MachineWork, 'stop' | 'restart' | 'reload'> {
  const known = new Map(before.units.map((unit) => [unit.name, unit]));
  const drops = (unit: PlannedUnit, machine: MachinePlan): string[] => dropInsOf(unit, machine.files);
  const isChanged = (unit: PlannedUnit): boolean => {
    const old = known.get(unit.name);
    if (old?.text !== unit.text) return true;
    if ([...filesRead(unit, after)].some((path) => written.has(path))) return true;
    // a drop-in that is gone is in no list of files any more
    return drops(old, before).some((path) => !drops(unit, after).includes(path));
  };
  const stop = before.units.filter(({ name }) => !after.units.some((unit) => unit.name === name));
  const reload =
    stop.length > 0 ||
    after.units.some(
      (unit) =>
        known.get(unit.name)?.text !== unit.text ||
        differs(drops(unit, before), drops(unit, after)) ||
        drops(unit, after).some((path) => written.has(path)),
    );
  return { stop: stop.map(nameOf), restart: after.units.filter(isChanged).map(nameOf), reload };
}

function nameOf({ name }: PlannedUnit): string {
  return name;
}

interface Inputs {
  before: MachinePlan;
  after: MachinePlan;
  renewed: ReadonlySet<string>;
  work: MachineWork;
  run: RunDifference;
}

type Comparison = (inputs: Inputs) => readonly Change[];

/** A field that is told as a whole. */
function field(
  key: keyof MachinePlan,
  what: Change['what'],
  cost: Change['cost'],
  says: string,
  why: string,
): Comparison {
  return ({ before, after }) => (differs(before[key], after[key]) ? [{ what, says, cost, why }] : []);
}

const nextStart = 'an overlay and its mounts are made when a machine starts';
const elsewhere = 'its files, units and certificates say what follows from it';
const onPaper = 'it is only looked at from outside';

/** Every field of a machine's plan: the compiler refuses a field that nobody compares. */
const comparisons: { [Field in keyof Required<MachinePlan>]: Comparison } = {
  name: field(
    'name',
    'machine removed',
    'data lost',
    'the machine has another name',
    'it is another machine',
  ),
  role: field(
    'role',
    'role',
    'data lost',
    'the node has another role',
    'a control plane holds data of etcd: delete the node, and add one',
  ),
  slot: field('slot', 'address', 'none', 'it has another place in the subnets', elsewhere),
  address: field('address', 'address', 'none', 'it has another address', elsewhere),
  addresses: field('addresses', 'address', 'none', 'its addresses or ways out are others', elsewhere),
  podSubnets: field(
    'podSubnets',
    'network',
    'pods moved',
    'its pods are in another subnet',
    'pods keep the address that they were made with',
  ),
  lan: field('lan', 'address', 'none', 'its place on the LAN is another one', elsewhere),
  kubernetesVersion: ({ before, after }) =>
    before.kubernetesVersion === after.kubernetesVersion
      ? []
      : [
          {
            what: 'kubernetes version',
            says: `Kubernetes ${after.kubernetesVersion} instead of ${before.kubernetesVersion}`,
            cost: 'machine rebooted',
            why: 'the programs are in a layer of the machine',
          },
        ],
  components: componentsSaid,
  ports: field('ports', 'port', 'none', 'other ports of the host lead to it', 'the host leads packets there'),
  folder: field('folder', 'folder', 'data lost', 'its folder is elsewhere', 'the data is in the old one'),
  root: field('root', 'folder', 'machine rebooted', 'its root is elsewhere', nextStart),
  upper: field(
    'upper',
    'folder',
    'data lost',
    'what it changes is elsewhere',
    'the data is in the old folder',
  ),
  work: field('work', 'folder', 'machine rebooted', 'its overlay works elsewhere', nextStart),
  layers: ({ before, after }) =>
    listChanges(before.layers, after.layers, String, {
      what: 'layer',
      cost: 'machine rebooted',
      why: nextStart,
    }),
  binds: ({ before, after }) =>
    listChanges(
      before.binds,
      after.binds,
      ({ source, target, readOnly }) => `${source} at ${target}${readOnly ? ', read-only' : ''}`,
      { what: 'bind', cost: 'machine rebooted', why: nextStart },
    ),
  files: filesSaid,
  units: unitsSaid,
  probes: field('probes', 'probe', 'none', 'other questions say whether it is well', onPaper),
  liveCommands: field(
    'liveCommands',
    'route',
    'none',
    'its ways to the pods of other nodes are others',
    'they are set while it runs',
  ),
  nodePatch: field(
    'nodePatch',
    'node object',
    'none',
    'labels or subnets of its Node object',
    'the API server is told, the machine is not',
  ),
  nodeTaints: field(
    'nodeTaints',
    'node object',
    'none',
    'taints of its Node object',
    'the API server is told, the machine is not',
  ),
  run: ({ run }) => run.changes,
};

/** What it runs besides Kubernetes; a plan of an older version does not say it, and the machine has it all the same. */
function componentsSaid({ before: { components: old = {} }, after: { components = {} } }: Inputs): Change[] {
  const names = new Set([...Object.keys(old), ...Object.keys(components)] as (keyof typeof components)[]);
  return [...names].flatMap((name): Change[] => {
    const [was, is] = [old[name], components[name]];
    if (!differs(was, is)) return [];
    if (!was || !is || (was.version === is.version && was.layer === is.layer)) {
      return [
        { what: 'description', says: `what ${name} is, and why`, cost: 'none', why: 'it is only told' },
      ];
    }
    const says = `${name} ${is.version ?? 'of another version'} instead of ${was.version ?? 'one that nobody knows'}`;
    const why = 'the programs are in a layer of the machine';
    return [{ what: 'component version', says, cost: 'machine rebooted', why }];
  });
}

/** One change for each that comes or goes; one when only the order is another. */
function listChanges<T>(
  before: readonly T[],
  after: readonly T[],
  text: (one: T) => string,
  rest: Pick<Change, 'what' | 'cost' | 'why'>,
): Change[] {
  const [old, fresh] = [before.map(text), after.map(text)];
  const gone = old.filter((one) => !fresh.includes(one));
  const come = fresh.filter((one) => !old.includes(one));
  const changes = [
    ...gone.map((one) => ({ ...rest, says: `${rest.what} ${one} goes` })),
    ...come.map((one) => ({ ...rest, says: `${rest.what} ${one} comes` })),
  ];
  if (changes.length > 0 || !differs(before, after)) return changes;
  return [{ ...rest, says: `the ${rest.what}s are in another order` }];
}

/** Units are files, too, and are told of as units. */
function filesSaid({ before, after, renewed, work }: Inputs): Change[] {
  const units = new Set([...unitFiles(before), ...unitFiles(after)].map(({ path }) => path));
  return [
    ...work.write
      .filter(({ path }) => !units.has(path))
      .map((file) => {
        const what = 'pki' in file.content ? ('certificate' as const) : ('file' as const);
        const says = isRenewed(file, renewed) ? `${file.path} is made anew` : `${file.path} is written`;
        return { what, says, ...costOfFile(file.path, after, work) };
      }),
    ...work.remove
      .filter((path) => !units.has(path))
      .map((path) => ({ what: 'file' as const, says: `${path} goes`, ...costOfFile(path, before, work) })),
    ...(work.write.length + work.remove.length === 0 && differs(before.files, after.files)
      ? [
          {
            what: 'file' as const,
            says: 'files are listed in another order',
            cost: 'none' as const,
            why: 'it makes no difference',
          },
        ]
      : []),
  ];
}

function costOfFile(
  path: string,
  machine: MachinePlan,
  { restart, reboot }: MachineWork,
): Pick<Change, 'cost' | 'units' | 'why'> {
  const readers = machine.units
    .filter((unit) => restart.includes(unit.name) && filesRead(unit, machine).has(path))
    .map(nameOf);
  if (readers.length === 0)
    return { cost: 'none', why: 'what reads it looks again by itself, or at its next start' };
  if (reboot) return { cost: 'machine rebooted', why: 'the machine starts anew for another reason' };
  return { cost: 'unit restarted', units: readers, why: 'it is read when they start' };
}

function unitsSaid(inputs: Inputs): Change[] {
  const left = leftBehind(inputs.before, inputs.after).map(({ name, leaves = '' }): Change => {
    const why = 'they would stay in the kernel of the machine when the unit ends';
    return { what: 'unit', says: `${leaves}, which ${name} made, go`, cost: 'machine rebooted', why };
  });
  return [...left, ...unitsThemselves(inputs)];
}

function unitsThemselves({ before, after }: Inputs): Change[] {
  const names = [...new Set([...before.units, ...after.units].map(nameOf))];
  const changes = names.flatMap((name): Change[] => {
    const [old, fresh] = [before, after].map(({ units }) => units.find((unit) => unit.name === name));
    if (!differs(old, fresh)) return [];
    const cost = { cost: 'unit restarted' as const, units: [name] };
    if (!fresh)
      return [{ what: 'unit', says: `${name} is ended and goes`, ...cost, why: 'nothing needs it' }];
    if (!old) return [{ what: 'unit', says: `${name} comes`, ...cost, why: 'it is started' }];
    if (old.text !== fresh.text) {
      return [{ what: 'unit', says: `${name} is another one`, ...cost, why: 'it runs as its text says' }];
    }
    const why = `${machineUnitFolder} says it for the next start`;
    return [{ what: 'unit', says: `${name}: when it starts and what it reads`, cost: 'none', why }];
  });
  if (changes.length > 0 || !differs(before.units, after.units)) return changes;
  const why = 'the order in which they are restarted';
  return [{ what: 'unit', says: 'units are listed in another order', cost: 'none', why }];
}
