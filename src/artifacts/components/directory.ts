import { CommandError, InputError } from '../../errors.ts';
import { dashed } from '../../formats/dashed.ts';
import type { Host } from '../../host/types.ts';
import { componentTitles } from '../../plan/node-components.ts';
import type { ComponentLayer, ResolvedComponent } from '../../plan/types.ts';
import type { ComponentName } from '../../spec/types.ts';
import { changedWhileCopied, digestOf, usableBinaries } from '../binaries-of-user.ts';
import { writeHashed } from '../hashed-copy.ts';
import { forgetFiles, sha256Of } from '../known-files.ts';
import type { KnownFilesContext } from '../known-files.ts';
import type { BuildContext, BuildFolders } from '../types.ts';
import { componentLayouts, versionSaid } from './layouts.ts';

export interface ComponentDirectory {
  component: ComponentName;
  /** Holds the programs, itself or in `bin`, as archives of releases are unpacked. */
  directory: string;
  /** What the user says that it is. */
  version: string | undefined;
  arch: string;
}

/**
 * The programs of a directory of the user's: which version they are, and a digest of their contents.
 * @throws InputError when programs are missing, or are another version than wanted
 */
export async function resolveComponentDirectory(
  { component, directory, version: wanted, arch }: ComponentDirectory,
  context: KnownFilesContext,
): Promise<ResolvedComponent> {
  const folder = await findPrograms(component, directory, context.local);
  const said = await versionOf(component, folder, context.local);
  if (wanted !== undefined && said !== undefined && said !== wanted) {
    throw problem(
      component,
      'version',
      `is ${wanted}, and ${componentTitles[component]} in ${folder} is ${said}`,
    );
  }
  const version = said ?? wanted;
  if (version === undefined && (component === 'containerd' || component === 'etcd')) {
    const hint = `say which version it is: components.${component}.version`;
    throw problem(
      component,
      'source',
      `${componentTitles[component]} in ${folder} does not tell its version`,
      hint,
    );
  }
  const digest = digestOf(await checksumsOf(component, folder, context));
  return {
    version,
    layer: {
      kind: 'component',
      id: `${dashed(component)}-${version ?? 'unknown'}-directory-${arch}-${digest.slice(0, 12)}`,
      component,
      version,
      source: { kind: 'directory', directory: folder, digest },
    },
    reason: `the binaries in ${folder}`,
  };
}

/**
 * Copies the programs to where Debian has them.
 * @throws KnestError when they have changed since the plan was made
 */
export async function buildComponentDirectory(
  { component, source }: ComponentLayer & { source: { kind: 'directory' } },
  { target }: BuildFolders,
  { host, user, paths, progress }: BuildContext,
): Promise<void> {
  const { directory, digest } = source;
  const { programs, perhaps, links } = componentLayouts[component];
  progress(`copying ${componentTitles[component]} from ${directory}`);
  const context = { local: user.local, host, paths };
  const sums = await checksumsOf(component, directory, context);
  if (digestOf(sums) !== digest) throw changedWhileCopied(directory);
  const places: Readonly<Record<string, string>> = { ...programs, ...perhaps };
  for (const [name, sum] of Object.entries(sums)) {
    const file = `${directory}/${name}`;
    const written = await writeHashed(
      host,
      `${target}${places[name] ?? ''}`,
      user.local.readStream(file),
      0o755,
    );
    if (written === sum) continue;
    await forgetFiles([file], context);
    throw changedWhileCopied(directory);
  }
  for (const [path, leadsTo] of Object.entries(links)) await host.link(leadsTo, target + path);
}

async function findPrograms(component: ComponentName, directory: string, local: Host): Promise<string> {
  const names = Object.keys(componentLayouts[component].programs);
  const folders = [directory, `${directory}/bin`];
  const missing: string[][] = [];
  for (const folder of folders) {
    const usable = await usableBinaries(folder, names, local);
    if (usable.length === names.length) return folder;
    missing.push(names.filter((name) => !usable.includes(name)));
  }
  const lacks = missing.sort((a, b) => a.length - b.length)[0] ?? [];
  const message = `${directory} lacks ${lacks.join(', ')}, or they are not executable`;
  throw problem(component, 'source', message, 'unpack a release there, or name the folder with its binaries');
}

/** undefined: it cannot be run here, or says nothing. */
async function versionOf(component: ComponentName, folder: string, local: Host): Promise<string | undefined> {
  const { program, argv } = componentLayouts[component].asks;
  try {
    const { stdout, stderr } = await local.run([`${folder}/${program}`, ...argv], {
      okExitCodes: 'any',
      timeout: 30_000,
    });
    return versionSaid(`${stdout}\n${stderr}`);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** SHA-256 by name of program, of all that are there. */
async function checksumsOf(
  component: ComponentName,
  folder: string,
  context: KnownFilesContext,
): Promise<Record<string, string>> {
  const { programs, perhaps } = componentLayouts[component];
  const names = await usableBinaries(
    folder,
    [...Object.keys(programs), ...Object.keys(perhaps)],
    context.local,
  );
  const sums = await sha256Of(
    names.map((name) => `${folder}/${name}`),
    context,
  );
  return Object.fromEntries(names.map((name, index) => [name, sums[index] ?? '']));
}

function problem(component: ComponentName, field: string, message: string, hint?: string): InputError {
  const path = `components.${component}.${field}`;
  return new InputError(componentTitles[component], [
    { path, message, ...(hint === undefined ? {} : { hint }) },
  ]);
}
