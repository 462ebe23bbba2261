/**
 * What a cluster was before each change of it: <cluster>/history/N/{about.json,spec.json,plan.json} and, before changes that
 * etcd's data does not survive backwards, etcd.db. Keys are not among them: they are the cluster's, whatever its plan.
 */

import * as z from 'zod';

import { KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';
import type { ClusterPlan, Paths } from '../plan/types.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { versionOf } from './applied.ts';
import { clusterFolder } from './clusters.ts';
import { migratePlan } from './migrate.ts';
import { checkPlan, checkSpec } from './plan-schema.ts';
import { DamagedRecord, readRecord, recordVersion, refuseNewer, writeRecord } from './record-file.ts';

/** How many generations of a cluster are kept. */
export const generationsKept = 5;

/** What etcd held. */
export interface KeptSnapshot {
  /** ISO 8601; what was written later is not in it. */
  taken: string;
  /** Version of the etcd that it is from, "3.4.23". */
  etcd: string;
  /** Of etcd's store, which counts changes; a number of 64 bits in decimal. */
  revision: string;
  keys: number;
  /** Bytes. */
  size: number;
}

/** A cluster as it was at a time. */
export interface Generation {
  /** Counts up, from 1. */
  number: number;
  /** ISO 8601. */
  taken: string;
  /** What came then. */
  before: 'apply' | 'upgrade' | 'rollback';
  /** The same in words: "Kubernetes v1.36.2 instead of v1.35.4". */
  says: string;
  kubernetesVersion: string;
  nodes: number;
  /** undefined: etcd's data was not kept. */
  snapshot?: KeptSnapshot | undefined;
  /** What was asked for, in words that are equal when the same is asked for again. */
  wanted?: string | undefined;
  /** Whether the change has come to its end. One that has not is gone on with, and needs no other generation. */
  done?: boolean | undefined;
}

export interface KeptGeneration extends Generation {
  spec: ClusterSpec;
  plan: ClusterPlan;
  /** Path of etcd's data on the host. */
  snapshotFile: string;
}

const about = z.looseObject({
  number: z.number(),
  taken: z.iso.datetime(),
  before: z.enum(['apply', 'upgrade', 'rollback']),
  says: z.string(),
  kubernetesVersion: z.string(),
  nodes: z.number(),
  snapshot: z
    .looseObject({
      taken: z.iso.datetime(),
      etcd: z.string(),
      revision: z.string(),
      keys: z.number(),
      size: z.number(),
    })
    .optional(),
  wanted: z.string().optional(),
  done: z.boolean().optional(),
});

function historyFolder(paths: Paths, cluster: string): string {
  return `${clusterFolder(paths, cluster)}/history`;
}

function fileOf(paths: Paths, cluster: string, number: number, name: string): string {
  return `${historyFolder(paths, cluster)}/${number}/${name}`;
}

/** What is to be kept, and of what it is the last state. */
export interface GenerationToKeep extends Pick<Generation, 'before' | 'says' | 'wanted'> {
  spec: ClusterSpec;
  plan: ClusterPlan;
  now: Date;
  /** Number of a generation that is not forgotten, however old it is. */
  stays?: number | undefined;
  /** Writes etcd's data to a path of the host; undefined: it is not kept. */
  snapshot?: ((path: string) => Promise<KeptSnapshot>) | undefined;
}

/**
 * Keeps a cluster as it is, before it is changed, and forgets the oldest generations. A generation counts once its
 * about.json is there; what a killed knest began is taken away.
 */
export async function keepGeneration(
  host: Host,
  paths: Paths,
  { spec, plan, before, says, wanted, now, stays, snapshot }: GenerationToKeep,
): Promise<Generation> {
  const { cluster } = plan;
  const folder = historyFolder(paths, cluster);
  const present = await listGenerations(host, paths, cluster);
  const whole = new Set(present.map(({ number }) => String(number)));
  for (const name of await host.list(folder)) if (!whole.has(name)) await host.remove(`${folder}/${name}`);
  const number = 1 + Math.max(0, ...present.map((one) => one.number));
  await host.makeDirectory(`${folder}/${number}`, 0o700);
  const kept = await snapshot?.(fileOf(paths, cluster, number, 'etcd.db'));
  await writeRecord(host, fileOf(paths, cluster, number, 'spec.json'), { version: recordVersion, spec });
  await writeRecord(host, fileOf(paths, cluster, number, 'plan.json'), plan);
  const generation: Generation = {
    number,
    taken: now.toISOString(),
    before,
    says,
    kubernetesVersion: plan.kubernetesVersion,
    nodes: plan.machines.length,
    ...(kept ? { snapshot: kept } : {}),
    ...(wanted === undefined ? {} : { wanted }),
  };
  await writeAbout(host, paths, cluster, generation);
  for (const old of [...present, generation].slice(0, -generationsKept))
    if (old.number !== stays) await host.remove(`${folder}/${old.number}`);
  return generation;
}

/** Notes that the change before which it was kept has come to its end. */
export async function markDone(
  host: Host,
  paths: Paths,
  cluster: string,
  generation: Generation,
): Promise<void> {
  await writeAbout(host, paths, cluster, { ...generation, done: true });
}

async function writeAbout(host: Host, paths: Paths, cluster: string, generation: Generation): Promise<void> {
  const path = fileOf(paths, cluster, generation.number, 'about.json');
  await writeRecord(host, path, { version: recordVersion, ...generation });
}

/**
 * The generation that was kept for a change which did not come to its end; undefined: the newest change did, or was
 * another one.
 */
export async function interruptedGeneration(
  host: Host,
  paths: Paths,
  cluster: string,
  { before, wanted }: Pick<GenerationToKeep, 'before' | 'wanted'>,
): Promise<Generation | undefined> {
  const newest = (await listGenerations(host, paths, cluster)).at(-1);
  return newest?.before === before && newest.wanted === wanted && newest.done !== true ? newest : undefined;
}

/**
 * The generations of a cluster, the oldest first.
 * @throws DamagedRecord for one that is not as knest wrote it; KnestError when a newer knest wrote it
 */
export async function listGenerations(host: Host, paths: Paths, cluster: string): Promise<Generation[]> {
  const names = (await host.list(historyFolder(paths, cluster))).filter((name) => /^[1-9]\d*$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const path = fileOf(paths, cluster, Number(name), 'about.json');
      const value = await readRecord(host, cluster, path);
      if (value === undefined) return undefined;
      refuseNewer(cluster, path, versionOf(value));
      const checked = about.safeParse(value);
      if (!checked.success) throw new DamagedRecord(cluster, path, 'is not as knest wrote it');
      const { number, taken, before, says, kubernetesVersion, nodes, snapshot, wanted, done } = checked.data;
      return {
        ...{ number, taken, before, says, kubernetesVersion, nodes },
        ...(snapshot ? { snapshot } : {}),
        ...(wanted === undefined ? {} : { wanted }),
        ...(done === undefined ? {} : { done }),
      } satisfies Generation;
    }),
  );
  return found.filter((one) => one !== undefined).sort((a, b) => a.number - b.number);
}

/**
 * One generation with all that it is.
 * @param number default: the newest
 * @throws KnestError GENERATION_NOT_FOUND
 */
export async function requireGeneration(
  host: Host,
  paths: Paths,
  cluster: string,
  number?: number,
): Promise<KeptGeneration> {
  const present = await listGenerations(host, paths, cluster);
  const generation = number === undefined ? present.at(-1) : present.find((one) => one.number === number);
  if (!generation) {
    const numbers = present.map((one) => one.number).join(', ');
    throw new KnestError(
      number === undefined
        ? `nothing is known of what cluster "${cluster}" was before: it was not changed yet`
        : `cluster "${cluster}" has no generation ${number}`,
      {
        code: 'GENERATION_NOT_FOUND',
        hint:
          present.length === 0
            ? 'apply, upgrade and rollback keep one before they change a cluster'
            : `it has ${numbers}: knest get generations --name ${cluster}`,
      },
    );
  }
  const [spec, plan] = await Promise.all([
    readPart(host, paths, cluster, generation.number, 'spec.json', (value) =>
      checkSpec((value as { spec?: unknown }).spec),
    ),
    readPlanOf(host, paths, cluster, generation.number),
  ]);
  return { ...generation, spec, plan, snapshotFile: fileOf(paths, cluster, generation.number, 'etcd.db') };
}

/** Plans of all generations: what the cache must keep for them. @throws as listGenerations */
export async function keptPlans(host: Host, paths: Paths, cluster: string): Promise<ClusterPlan[]> {
  const generations = await listGenerations(host, paths, cluster);
  return Promise.all(generations.map(({ number }) => readPlanOf(host, paths, cluster, number)));
}

function readPlanOf(host: Host, paths: Paths, cluster: string, number: number): Promise<ClusterPlan> {
  return readPart(host, paths, cluster, number, 'plan.json', (value) => checkPlan(migratePlan(value)));
}

async function readPart<T>(
  host: Host,
  paths: Paths,
  cluster: string,
  number: number,
  name: string,
  check: (value: unknown) => { value: T } | { problem: string },
): Promise<T> {
  const path = fileOf(paths, cluster, number, name);
  const value = await readRecord(host, cluster, path);
  if (value === undefined) throw new DamagedRecord(cluster, path, 'is missing');
  const checked = check(value);
  if ('value' in checked) return checked.value;
  throw new DamagedRecord(cluster, path, `is not as knest wrote it (${checked.problem})`);
}
