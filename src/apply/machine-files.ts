import { dirname } from 'node:path';

import { KnestError } from '../errors.ts';
import { withRootPassword } from '../formats/shadow.ts';
import { agentProgram } from '../workstation/agent-program.ts';
import type { Host, TreeEntry } from '../host/types.ts';
import { requireMaterial, signingCertificate } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { MachinePlan, PlannedBind, PlannedFile } from '../plan/types.ts';
import { unitFiles } from '../plan/unit-files.ts';
import { secretMark } from '../spec/secrets.ts';
import { sameOwnerCommand } from '../tools/chown.ts';
import { makeAskedFor } from './made-on-host.ts';

/**
 * Everything that a machine finds when it boots: its directories, files and units. What runs it is its manager's to
 * write. Again is harmless.
 * @returns paths of the host that were not there and have been made, as mounts ask for it
 */
export async function writeMachine(
  host: Host,
  machine: MachinePlan,
  material: KeyMaterial,
): Promise<string[]> {
  const made = await makeFolders(host, machine);
  const files = [...machine.files, ...unitFiles(machine)];
  const isShadow = ({ content }: PlannedFile): boolean => 'rootPassword' in content;
  const plain = files.filter((file) => !isShadow(file));
  await host.put(await Promise.all(plain.map((file) => entryOf(machine.upper, file, material))));
  for (const file of files.filter(isShadow)) await writePlanned(host, machine.upper, file, material);
  return made;
}

/**
 * The machine's own directories, and what mounts of it ask to be made. Again is harmless.
 * @returns paths of the host that were not there and have been made
 */
export async function makeFolders(host: Host, machine: MachinePlan): Promise<string[]> {
  const { folder, root, upper, work } = machine;
  await host.makeDirectory(folder, 0o700);
  // of the machine, or of its cluster
  const clusters = `${dirname(dirname(folder))}/clusters/`;
  const isOwn = ({ source }: PlannedBind): boolean =>
    source.startsWith(`${folder}/`) || source.startsWith(clusters);
  const ownData = machine.binds.filter(isOwn);
  const directory = (mode: number) => (path: string) => ({ path, directory: true, mode }) as const;
  await host.put([
    // the upper directory becomes the machine's /: anyone inside may enter
    ...[root, upper, work].map(directory(0o755)),
    ...ownData.map(({ source }) => source).map(directory(0o700)),
    directory(0o700)(`${upper}/etc/kubernetes/pki`),
    // for static pods, as with kubeadm
    directory(0o700)(`${upper}/etc/kubernetes/manifests`),
  ]);
  return makeAskedFor(host, machine);
}

/** One planned file below a tree: the machine's upper directory, or its mounted root. */
export async function writePlanned(
  host: Host,
  tree: string,
  file: PlannedFile,
  material: KeyMaterial,
): Promise<void> {
  const { content, mode } = file;
  if ('rootPassword' in content) await writeShadow(host, `${tree}${file.path}`, mode, content);
  else await host.put([await entryOf(tree, file, material)]);
}

/** A planned file as it is written; not for the one with the root password, which is made from another. */
async function entryOf(tree: string, file: PlannedFile, material: KeyMaterial): Promise<TreeEntry> {
  const path = `${tree}${file.path}`;
  const { content, mode } = file;
  if ('link' in content) return { path, link: content.link };
  if ('asset' in content) return { path, content: await agentProgram(), mode };
  if ('pki' in content) {
    const text = content.first
      ? signingCertificate(material, content.pki.replace(/\.crt$/, ''))
      : requireMaterial(material, content.pki);
    return { path, content: text, mode };
  }
  if ('rootPassword' in content) throw new Error(`${path} is made from another file`);
  return { path, content: withSecrets(content, material), mode };
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
