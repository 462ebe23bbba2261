import { dirname } from 'node:path';

import { KnestError } from '../errors.ts';
import { withRootPassword } from '../formats/shadow.ts';
import { agentProgram } from '../workstation/agent-program.ts';
import type { Host } from '../host/types.ts';
import { requireMaterial } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { MachinePlan, PlannedBind, PlannedFile } from '../plan/types.ts';
import { unitFiles } from '../plan/unit-files.ts';
import { secretMark } from '../spec/secrets.ts';
import { sameOwnerCommand } from '../tools/chown.ts';

/**
 * Everything that a machine finds when it boots: its directories, files and units. What runs it is its manager's to
 * write. Again is harmless.
 * @returns directories of the user's that were not there and have been made
 */
export async function writeMachine(
  host: Host,
  machine: MachinePlan,
  material: KeyMaterial,
): Promise<string[]> {
  const missing = await makeFolders(host, machine);
  await Promise.all(
    [...machine.files, ...unitFiles(machine)].map((file) =>
      writePlanned(host, machine.upper, file, material),
    ),
  );
  return missing;
}

/**
 * The machine's own directories, and those that are bound into it. Again is harmless.
 * @returns directories of the user's that were not there and have been made
 */
export async function makeFolders(host: Host, machine: MachinePlan): Promise<string[]> {
  const { folder, root, upper, work } = machine;
  await host.makeDirectory(folder, 0o700);
  // of the machine, or of its cluster
  const clusters = `${dirname(dirname(folder))}/clusters/`;
  const isOwn = ({ source }: PlannedBind): boolean =>
    source.startsWith(`${folder}/`) || source.startsWith(clusters);
  const ownData = machine.binds.filter(isOwn);
  const foreign = machine.binds.filter((bind) => !isOwn(bind)).map(({ source }) => source);
  const missing = await missingPaths(host, foreign);
  await Promise.all([
    // the upper directory becomes the machine's /: anyone inside may enter
    ...[root, upper, work].map((path) => host.makeDirectory(path, 0o755)),
    ...ownData.map(({ source }) => host.makeDirectory(source, 0o700)),
    // as Docker does it for volumes
    ...missing.map((source) => host.makeDirectory(source, 0o755)),
  ]);
  await host.makeDirectory(`${upper}/etc/kubernetes/pki`, 0o700);
  return missing;
}

async function missingPaths(host: Host, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => host.stat(path)));
  return paths.filter((_, index) => found[index] === undefined);
}

/** One planned file below a tree: the machine's upper directory, or its mounted root. */
export async function writePlanned(
  host: Host,
  tree: string,
  file: PlannedFile,
  material: KeyMaterial,
): Promise<void> {
  const path = `${tree}${file.path}`;
  const { content } = file;
  if ('link' in content) await host.link(content.link, path);
  else if ('asset' in content) await host.writeFile(path, await agentProgram(), file.mode);
  else if ('pki' in content) await host.writeFile(path, requireMaterial(material, content.pki), file.mode);
  else if ('rootPassword' in content) await writeShadow(host, path, file.mode, content);
  else await host.writeFile(path, withSecrets(content, material), file.mode);
}

function withSecrets(
  { text, secrets = [] }: { text: string; secrets?: readonly string[] },
  material: KeyMaterial,
): string {
  return secrets.reduce(
    (all, name) => all.replaceAll(secretMark(name), () => requireMaterial(material, name)),
    text,
  );
}

async function writeShadow(
  host: Host,
  path: string,
  mode: number,
  { rootPassword, shadow }: { rootPassword: string; shadow: string },
): Promise<void> {
  const present = await host.readFile(shadow);
  if (present === undefined) {
    throw new KnestError(`${shadow} is missing on ${host.name}: the image has no users`, {
      code: 'LAYER_UNUSABLE',
      hint: 'make the layer anew: remove it from the cache, then knest build image',
    });
  }
  await host.writeFile(path, withRootPassword(present, rootPassword), mode);
  // group shadow, by which unix_chkpwd(8) reads it
  await host.run(sameOwnerCommand(path, shadow));
}
