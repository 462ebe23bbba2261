import { KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { ClusterPlan, Paths } from '../plan/types.ts';
import { secretsOf } from '../spec/secrets.ts';
import type { ClusterSpec } from '../spec/types.ts';

/**
 * What knest remembers of a cluster: <state>/clusters/<name>/{spec.json,plan.json,created,pki/}. Whether machines
 * run is never read from here; the host is asked.
 */
export interface ClusterRecord {
  spec: ClusterSpec;
  plan: ClusterPlan;
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

/** A state folder that holds nothing is gone; rmdir(1) refuses where another knest has something, a lock included. */
export async function removeEmptyFolders(host: Host, { state }: Paths): Promise<void> {
  const folders = [...['clusters', 'machines', 'locks'].map((name) => `${state}/${name}`), state];
  await host.run(['rmdir', '--', ...folders], { okExitCodes: 'any' });
}

/** All cluster names, half-made ones included. */
export function listClusterNames(host: Host, paths: Paths): Promise<string[]> {
  return host.list(`${paths.state}/clusters`);
}

/** undefined: no such cluster, or one whose creation was ended before it had touched anything. */
export async function readCluster(
  host: Host,
  paths: Paths,
  name: string,
): Promise<ClusterRecord | undefined> {
  const folder = clusterFolder(paths, name);
  const [spec, plan, created] = await Promise.all(
    ['spec.json', 'plan.json', 'created'].map((file) => host.readFile(`${folder}/${file}`)),
  );
  if (spec === undefined || plan === undefined) return undefined;
  return {
    // both were written by knest itself, atomically
    spec: JSON.parse(spec) as ClusterSpec,
    plan: JSON.parse(plan) as ClusterPlan,
    created: created?.trim(),
  };
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

/** Written before anything is touched: deleting a half-made cluster goes by it. */
export async function writeCluster(
  host: Host,
  paths: Paths,
  spec: ClusterSpec,
  plan: ClusterPlan,
): Promise<void> {
  const folder = clusterFolder(paths, plan.cluster);
  await host.makeDirectory(folder, 0o700);
  await host.writeFile(`${folder}/spec.json`, json(spec), 0o600);
  await host.writeFile(`${folder}/plan.json`, json(plan), 0o600);
}

export async function markCreated(host: Host, paths: Paths, name: string, when: Date): Promise<void> {
  await host.writeFile(`${clusterFolder(paths, name)}/created`, `${when.toISOString()}\n`, 0o600);
}

export async function forgetCluster(host: Host, paths: Paths, name: string): Promise<void> {
  await host.remove(clusterFolder(paths, name));
}

/** All that a cluster's machines are given and plans only name: certificates, keys, secrets of the spec. */
export async function readKeyMaterial(host: Host, paths: Paths, name: string): Promise<KeyMaterial> {
  const folder = `${clusterFolder(paths, name)}/pki`;
  const files = await host.list(folder);
  const entries = await Promise.all(
    files
      .filter((file) => /\.(crt|key|pub)$/.test(file))
      .map(async (file) => [file, await host.readFile(`${folder}/${file}`)] as const),
  );
  const spec = await host.readFile(`${clusterFolder(paths, name)}/spec.json`);
  return new Map([
    ...entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
    ...(spec === undefined ? [] : secretsOf(JSON.parse(spec) as ClusterSpec)),
  ]);
}

/**
 * A key and its certificate must never be of two runs: the certificate is written last, and without it both are made
 * anew.
 */
export async function writeKeyMaterial(
  host: Host,
  paths: Paths,
  name: string,
  material: KeyMaterial,
  known: KeyMaterial,
): Promise<void> {
  const folder = `${clusterFolder(paths, name)}/pki`;
  await host.makeDirectory(folder, 0o700);
  const fresh = [...material].filter(([file, text]) => known.get(file) !== text);
  const write = ([file, text]: [string, string]): Promise<void> =>
    host.writeFile(`${folder}/${file}`, text, 0o600);
  await Promise.all(fresh.filter(([file]) => file.endsWith('.key')).map(write));
  await Promise.all(fresh.filter(([file]) => !file.endsWith('.key')).map(write));
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
  ]);
  const files = await host.list(folder);
  const stale = files.filter((file) => !named.has(file.replace(/\.(crt|key|pub)$/, '')));
  await Promise.all(stale.map((file) => host.remove(`${folder}/${file}`)));
}

function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2) + '\n';
}
