import { createHash, X509Certificate } from 'node:crypto';

import { KnestError, messageOf } from '../errors.ts';
import type { Host } from '../host/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { ClusterPlan, Paths } from '../plan/types.ts';
import { secretsOf } from '../spec/secrets.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { allApplied, nothingApplied, readApplied, versionOf, writeApplied } from './applied.ts';
import type { Applied } from './applied.ts';
import { migratePlan, oldestVersion } from './migrate.ts';
import { checkPlan, checkSpec } from './plan-schema.ts';
import { forgetStateFolder, noteStateFolder } from './state-folders.ts';
import { DamagedRecord, readRecord, recordVersion, refuseNewer, writeRecord } from './record-file.ts';

/**
 * What knest remembers of a cluster: <state>/clusters/<name>/{spec.json,plan.json,applied/,created,pki/}. Whether
 * machines run is never read from here; the host is asked.
 */
export interface ClusterRecord {
  spec: ClusterSpec;
  /** What is wanted. */
  plan: ClusterPlan;
  /** What has been carried out of it, and of the plan before it. */
  applied: Applied;
  /** When creating it finished, ISO 8601; undefined: it did not. */
  created: string | undefined;
}

export function clusterFolder(paths: Paths, name: string): string {
  return `${paths.state}/clusters/${name}`;
}

/** Held while a cluster is changed; outside its folder, which deleting removes. */
export function clusterLock(paths: Paths, name: string): string {
  return `${paths.state}/locks/${name}`;
}

/** Held while a new cluster is planned beside the others. */
export function planningLock(paths: Paths): string {
  return clusterLock(paths, '.planning');
}

/**
 * A state folder that holds nothing is gone; rmdir(1) refuses where another knest has something, a lock included. Never
 * fails: folders that stay hurt nobody.
 */
export async function removeEmptyFolders(host: Host, paths: Paths): Promise<void> {
  const { state } = paths;
  const folders = [...['clusters', 'machines', 'locks'].map((name) => `${state}/${name}`), state];
  await host.run(['rmdir', '--', ...folders], { okExitCodes: 'any' }).catch(() => undefined);
  await forgetUnusedStateFolder(host, paths).catch(() => undefined);
}

async function forgetUnusedStateFolder(host: Host, paths: Paths): Promise<void> {
  if ((await listClusterNames(host, paths)).length === 0) await forgetStateFolder(host, paths);
}

/** All cluster names, half-made ones included. */
export function listClusterNames(host: Host, paths: Paths): Promise<string[]> {
  return host.list(`${paths.state}/clusters`);
}

/**
 * @returns undefined: no such cluster, or one whose creation was ended before it had touched anything
 * @throws DamagedRecord when a file is not what knest wrote, KnestError when a newer knest wrote it
 */
export async function readCluster(
  host: Host,
  paths: Paths,
  name: string,
): Promise<ClusterRecord | undefined> {
  const folder = clusterFolder(paths, name);
  const [stored, created] = await Promise.all([
    readPlan(host, paths, name),
    host.readFile(`${folder}/created`).catch((error: unknown) => {
      throw new DamagedRecord(name, `${folder}/created`, 'cannot be read', error);
    }),
  ]);
  if (!stored) {
    if (created === undefined) return undefined;
    throw new DamagedRecord(name, `${folder}/plan.json`, 'is missing');
  }
  const { plan, version, specHash } = stored;
  const spec = (await readSpecs(host, paths, name)).find((one) => isOf(one, plan, specHash));
  if (!spec) throw new DamagedRecord(name, `${folder}/spec.json`, 'is missing, or of another plan');
  const record = { spec, plan, created: created?.trim() };
  if (created === undefined) return { ...record, applied: nothingApplied };
  const applied = version < recordVersion ? nothingApplied : await readApplied(host, name, folder);
  if (applied.cluster) return { ...record, applied };
  // earlier versions kept no such record: their plan counts as carried out
  return { ...record, applied: allApplied(plan, await readKeyMaterial(host, paths, name)) };
}

/** The wanted plan alone, with the version of the file. @throws as readCluster */
export async function readPlan(
  host: Host,
  paths: Paths,
  name: string,
): Promise<{ plan: ClusterPlan; version: number; specHash?: string } | undefined> {
  const path = `${clusterFolder(paths, name)}/plan.json`;
  const found = await readRecord(host, name, path);
  if (found === undefined) return undefined;
  const version = versionOf(found);
  refuseNewer(name, path, version);
  if (version < oldestVersion) throw new DamagedRecord(name, path, 'has no version that knest knows');
  const { specHash, ...bare } = found as { specHash?: unknown };
  const checked = checkPlan(migratePlan(bare));
  if ('problem' in checked) {
    throw new DamagedRecord(name, path, `is not as knest wrote it (${checked.problem})`);
  }
  return { plan: checked.value, version, ...(typeof specHash === 'string' ? { specHash } : {}) };
}

/** While plan and spec are written there are two spec files; the plan says which of the two belongs to it. */
const specFiles = ['spec.json', 'spec.next.json'];

async function readSpecs(host: Host, paths: Paths, name: string): Promise<ClusterSpec[]> {
  const read = specFiles.map(async (file) => {
    const path = `${clusterFolder(paths, name)}/${file}`;
    const found = await readRecord(host, name, path);
    if (found === undefined) return [];
    refuseNewer(name, path, versionOf(found));
    // up to version 2 it was the spec and nothing else
    const isWrapped = typeof found === 'object' && found !== null && 'spec' in found;
    const checked = checkSpec(isWrapped ? found.spec : found);
    if ('value' in checked) return [checked.value];
    throw new DamagedRecord(name, path, `is not as knest wrote it (${checked.problem})`);
  });
  // the newer one first
  return (await Promise.all(read)).flat().reverse();
}

/** @param specHash undefined: an older knest wrote the plan, and changed nothing of a cluster but its nodes */
function isOf(spec: ClusterSpec, { machines }: ClusterPlan, specHash: string | undefined): boolean {
  if (specHash !== undefined) return hashOf(spec) === specHash;
  return spec.nodes.map(({ name }) => name).join() === machines.map(({ name }) => name).join();
}

function hashOf(spec: ClusterSpec): string {
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex');
}

/** @throws KnestError kind "notFound" */
export async function requireCluster(host: Host, paths: Paths, name: string): Promise<ClusterRecord> {
  const record = await readCluster(host, paths, name);
  if (record) return record;
  const names = await listClusterNames(host, paths);
  throw new KnestError(`there is no cluster "${name}"`, {
    code: 'CLUSTER_NOT_FOUND',
    hint: names.length > 0 ? `there is: ${names.join(', ')}` : 'create one: knest create cluster',
  });
}

/**
 * Writes the spec and plan that are wanted from now on, before anything else is changed. Deleting a half-made cluster
 * goes by this plan; an interrupted change is found by comparing it with `applied`.
 */
export async function writeCluster(
  host: Host,
  paths: Paths,
  spec: ClusterSpec,
  plan: ClusterPlan,
): Promise<void> {
  const folder = clusterFolder(paths, plan.cluster);
  await noteStateFolder(host, paths);
  await host.makeDirectory(folder, 0o700);
  await keepWhatIsApplied(host, paths, plan.cluster);
  const [file, next] = specFiles.map((name) => `${folder}/${name}`) as [string, string];
  // both or none, whenever it is killed: the plan decides
  await writeRecord(host, next, { version: recordVersion, spec });
  await writeRecord(host, `${folder}/plan.json`, { ...plan, specHash: hashOf(spec) });
  await host.rename(next, file);
}

/**
 * Writes the record of what has been carried out for a cluster of an earlier version, which has none. It is made of plan
 * and keys before the first change, while these still describe the cluster as it is.
 */
async function keepWhatIsApplied(host: Host, paths: Paths, name: string): Promise<void> {
  const folder = clusterFolder(paths, name);
  if ((await host.stat(`${folder}/created`)) === undefined) return;
  const stored = await readPlan(host, paths, name);
  if (!stored || stored.version >= recordVersion) return;
  await writeApplied(host, folder, stored.plan, await readKeyMaterial(host, paths, name));
  await writeRecord(host, `${folder}/plan.json`, stored.plan);
}

/** Notes that creating the cluster has finished: all of its plan has been carried out. */
export async function markCreated(
  host: Host,
  paths: Paths,
  plan: ClusterPlan,
  material: KeyMaterial,
  when: Date,
): Promise<void> {
  const folder = clusterFolder(paths, plan.cluster);
  // once more: who deleted the last cluster beside this one may have taken it away
  await noteStateFolder(host, paths);
  await writeApplied(host, folder, plan, material);
  await host.writeFile(`${folder}/created`, `${when.toISOString()}\n`, 0o600, { sync: true });
}

export async function forgetCluster(host: Host, paths: Paths, name: string): Promise<void> {
  await host.remove(clusterFolder(paths, name));
}

/**
 * The key material of a cluster: certificates, keys and secrets, which plans only name.
 * @throws DamagedRecord for a file that cannot be read, or is cut off
 */
export async function readKeyMaterial(host: Host, paths: Paths, name: string): Promise<KeyMaterial> {
  const folder = `${clusterFolder(paths, name)}/pki`;
  const damaged = (path: string, error: unknown) =>
    new DamagedRecord(name, path, `cannot be read (${messageOf(error)})`, error);
  const files = await host.list(folder).catch((error: unknown) => {
    throw damaged(folder, error);
  });
  const entries = await Promise.all(
    files
      .filter((file) => /\.(crt|key|pub)$/.test(file))
      .map(async (file): Promise<[string, string | undefined]> => {
        const path = `${folder}/${file}`;
        const text = await host.readFile(path).catch((error: unknown) => {
          throw damaged(path, error);
        });
        const fault = text === undefined ? undefined : faultOf(text);
        if (fault !== undefined) throw new DamagedRecord(name, path, fault);
        return [file, text];
      }),
  );
  const specs = await readSpecs(host, paths, name);
  return new Map([
    ...entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
    ...specs.flatMap((spec) => [...secretsOf(spec)]),
  ]);
}

/** A power cut leaves nothing, zeros, or PEM without its last line. */
function faultOf(text: string): string | undefined {
  if (text === '' || text.includes('\0')) return 'is cut off';
  if (!text.startsWith('-----BEGIN ')) return undefined;
  if (!text.includes('-----END ')) return 'is cut off';
  if (!text.startsWith('-----BEGIN CERTIFICATE-----')) return undefined;
  try {
    new X509Certificate(text);
    return undefined;
  } catch {
    return 'is no certificate';
  }
}

/**
 * Writes key material. A key must never meet the certificate of another key: each certificate is written after its key,
 * and a key without a certificate is made anew.
 */
export async function writeKeyMaterial(
  host: Host,
  paths: Paths,
  name: string,
  material: KeyMaterial,
  known: KeyMaterial,
): Promise<void> {
  const folder = `${clusterFolder(paths, name)}/pki`;
  await keepWhatIsApplied(host, paths, name);
  const fresh = [...material].filter(([file, text]) => known.get(file) !== text);
  await host.makeDirectory(folder, 0o700);
  for (const keys of [true, false]) {
    const files = fresh.filter(([file]) => file.endsWith('.key') === keys);
    // on the disk, as all records: a cluster whose keys are lost in a power cut is lost
    await Promise.all(
      files.map(([file, text]) => host.writeFile(`${folder}/${file}`, text, 0o600, { sync: true })),
    );
  }
}

/** Forgets keys and certificates that the plan does not name: those of nodes that are gone. */
export async function pruneKeyMaterial(
  host: Host,
  paths: Paths,
  { cluster, pki }: ClusterPlan,
): Promise<void> {
  const folder = `${clusterFolder(paths, cluster)}/pki`;
  const named = new Set([
    ...[...pki.authorities, ...pki.certificates].map(({ name }) => name),
    ...pki.keyPairs,
    // of authorities that are being exchanged
    ...pki.authorities.map(({ name }) => `${name}-next`),
  ]);
  const files = await host.list(folder);
  const stale = files.filter((file) => !named.has(file.replace(/\.(crt|key|pub)$/, '')));
  await Promise.all(stale.map((file) => host.remove(`${folder}/${file}`)));
}
