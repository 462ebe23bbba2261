/**
 * What has been carried out of a cluster's plan, machine by machine. The plan that is wanted is kept apart from it: when
 * knest is killed in the middle of a change, the two differ, and the next command finds and finishes the difference.
 * Files: <cluster>/applied/{host.json,machines/NAME.json}
 */

import { createHash } from 'node:crypto';

import { KnestError, messageOf } from '../errors.ts';
import type { RenewedKeys } from '../diff/types.ts';
import type { Host } from '../host/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import { migratePlan } from './migrate.ts';
import { checkAppliedHost, checkAppliedMachine } from './plan-schema.ts';
import type { Check, KeyHashes, PlanOfCluster } from './plan-schema.ts';
import { DamagedRecord, readRecord, recordVersion, refuseNewer, writeRecord } from './record-file.ts';

export interface AppliedMachine {
  machine: MachinePlan;
  /** Hashes of its key material; undefined: an older knest, which did not record them, made the machine. */
  keys?: KeyHashes;
  /**
   * A change of the machine has begun, and its node is not known to be well since: some of its files may be as this plan
   * says. Where it is the same plan, all of them are.
   */
  underway?: MachinePlan;
}

export interface Applied {
  /** undefined: nothing has been carried out, or the cluster was never finished. */
  cluster: PlanOfCluster | undefined;
  machines: readonly AppliedMachine[];
}

export const nothingApplied: Applied = { cluster: undefined, machines: [] };

/** The record of a plan that has been carried out completely. */
export function allApplied({ machines, ...cluster }: ClusterPlan, material?: KeyMaterial): Applied {
  return { cluster, machines: machines.map((machine) => appliedMachine(machine, material)) };
}

function appliedMachine(machine: MachinePlan, material?: KeyMaterial): AppliedMachine {
  return { machine, ...(material ? { keys: hashesOf(machine, material) } : {}) };
}

/** What has been carried out, as a plan; undefined when that is nothing. */
export function appliedPlan({ cluster, machines }: Applied): ClusterPlan | undefined {
  return cluster && { ...cluster, machines: machines.map(({ machine }) => machine) };
}

/** Keys and secrets of which a machine has an older version than the cluster, by name of the machine. */
export function renewedKeys({ machines }: Applied, material: KeyMaterial): RenewedKeys {
  return new Map(
    machines.map(({ machine, keys = {} }) => {
      const others = Object.entries(keys).filter(([file, hash]) => {
        const text = material.get(file);
        return text !== undefined && hashOf(text) !== hash;
      });
      return [machine.name, new Set(others.map(([file]) => file))];
    }),
  );
}

function hashesOf({ files }: MachinePlan, material: KeyMaterial): KeyHashes {
  const names = files.flatMap(({ content }) => {
    if ('pki' in content) return [content.pki];
    return 'text' in content ? (content.secrets ?? []) : [];
  });
  const present = [...new Set(names)].flatMap((name): [string, string][] => {
    const text = material.get(name);
    return text === undefined ? [] : [[name, hashOf(text)]];
  });
  return Object.fromEntries(present);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const hostFile = 'host.json';

/** @param folder the cluster's @throws DamagedRecord; KnestError for the record of a newer knest */
export async function readApplied(host: Host, cluster: string, folder: string): Promise<Applied> {
  const place = `${folder}/applied`;
  const names = await host.list(`${place}/machines`).catch((error: unknown) => {
    throw new DamagedRecord(cluster, `${place}/machines`, `cannot be read (${messageOf(error)})`, error);
  });
  const [ofCluster, ...machines] = await Promise.all([
    readChecked(host, cluster, `${place}/${hostFile}`, checkAppliedHost),
    ...names
      .filter((name) => name.endsWith('.json'))
      .map((name) => readChecked(host, cluster, `${place}/machines/${name}`, checkAppliedMachine)),
  ]);
  return {
    cluster: (ofCluster as { plan: PlanOfCluster } | undefined)?.plan,
    machines: machines.filter((one): one is AppliedMachine => one !== undefined && 'machine' in one),
  };
}

async function readChecked<T>(
  host: Host,
  cluster: string,
  path: string,
  check: Check<T>,
): Promise<T | undefined> {
  const found = await readRecord(host, cluster, path);
  if (found === undefined) return undefined;
  const version = versionOf(found);
  refuseNewer(cluster, path, version);
  const checked = check(migrateParts(found));
  if ('problem' in checked)
    throw new DamagedRecord(cluster, path, `is not as knest wrote it (${checked.problem})`);
  return checked.value;
}

export function versionOf(value: unknown): number {
  const version =
    typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  if (version === undefined) return 0;
  return typeof version === 'number' ? version : NaN;
}

/** Migrates the part of a plan that a record holds. */
function migrateParts(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const version = versionOf(value);
  if ('plan' in value) return { ...value, plan: migratePlan(value.plan) };
  if (!('machine' in value)) return value;
  const both = [value.machine, ...('underway' in value ? [value.underway] : [])];
  const { machines } = migratePlan({ version, machines: both }) as { machines: unknown[] };
  const [machine, underway] = machines;
  return { ...value, machine, ...(underway === undefined ? {} : { underway }) };
}

/**
 * Records that a machine is as the plan says.
 * @param folder the cluster's state folder
 * @param well whether its node is known to be well since; false: whoever goes on has to see to it
 */
export async function writeAppliedMachine(
  host: Host,
  folder: string,
  machine: MachinePlan,
  material: KeyMaterial | undefined,
  { well = true }: { well?: boolean } = {},
): Promise<void> {
  const applied = appliedMachine(machine, material);
  await writeMachineRecord(host, folder, well ? applied : { ...applied, underway: machine });
}

/**
 * Records, before any file of it is written, that a machine is about to become what another plan says: from now on it may
 * be a part of either.
 */
export async function beginAppliedMachine(
  host: Host,
  folder: string,
  applied: AppliedMachine,
  to: MachinePlan,
): Promise<void> {
  await writeMachineRecord(host, folder, { ...applied, underway: to });
}

async function writeMachineRecord(host: Host, folder: string, applied: AppliedMachine): Promise<void> {
  await host.makeDirectory(`${folder}/applied/machines`, 0o700);
  await writeRecord(host, machineFile(folder, applied.machine.name), { version: recordVersion, ...applied });
}

/** Records that a machine is gone. */
export async function removeAppliedMachine(host: Host, folder: string, name: string): Promise<void> {
  await host.remove(machineFile(folder, name));
}

/** Records that all but the machines (host, cluster) is as the plan says. */
export async function writeAppliedCluster(host: Host, folder: string, plan: ClusterPlan): Promise<void> {
  await host.makeDirectory(`${folder}/applied`, 0o700);
  await writeRecord(host, `${folder}/applied/${hostFile}`, {
    version: recordVersion,
    // machines have records of their own
    plan: { ...plan, machines: undefined },
  });
}

/** Records that all of a plan has been carried out. */
export async function writeApplied(
  host: Host,
  folder: string,
  plan: ClusterPlan,
  material: KeyMaterial | undefined,
): Promise<void> {
  await Promise.all(plan.machines.map((machine) => writeAppliedMachine(host, folder, machine, material)));
  // last: the records of machines count only once this one exists
  await writeAppliedCluster(host, folder, plan);
}

function machineFile(folder: string, name: string): string {
  if (name.includes('/'))
    throw new KnestError(`"${name}" is no name of a machine`, { code: 'RECORD_DAMAGED' });
  return `${folder}/applied/machines/${name}.json`;
}
