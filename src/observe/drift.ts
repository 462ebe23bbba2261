/** What was changed by hand in machines: files that are not as the plan says. Looks, and writes nothing. */

import { createHash } from 'node:crypto';

import type { Host } from '../host/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { MachinePlan, PlannedFile } from '../plan/types.ts';
import { unitFiles } from '../plan/unit-files.ts';
import { secretMark } from '../spec/secrets.ts';
import { findFilesCommand, parseFoundFiles } from '../tools/find.ts';
import type { FoundFile } from '../tools/find.ts';
import { mountsBelow } from '../tools/mount.ts';
import { parseSha256, sha256Command } from '../tools/sha256sum.ts';

export interface DriftedFile {
  /** Inside the machine. */
  path: string;
  how: 'missing' | 'changed' | 'mode' | 'kind';
}

export interface MachineDrift {
  machine: string;
  files: readonly DriftedFile[];
}

/**
 * Files of machines that are not as they were written, of those that run and of those that do not. Certificates renew
 * themselves, root's password may be changed inside, and knest-agent is that of the knest which wrote it: of these only that
 * they are there is looked at.
 */
export async function readDrift(
  host: Host,
  machines: readonly MachinePlan[],
  material: KeyMaterial,
): Promise<MachineDrift[]> {
  const mountinfo = (await host.readFile('/proc/self/mountinfo')) ?? '';
  const found = await Promise.all(
    machines.map(async (machine) => ({
      machine: machine.name,
      files: await driftOf(host, machine, treeOf(mountinfo, machine), material),
    })),
  );
  return found.filter(({ files }) => files.length > 0);
}

/** Through the mounted overlay where there is one. */
function treeOf(mountinfo: string, { root, upper }: MachinePlan): string {
  return mountsBelow(mountinfo, root).includes(root) ? root : upper;
}

async function driftOf(
  host: Host,
  machine: MachinePlan,
  tree: string,
  material: KeyMaterial,
): Promise<DriftedFile[]> {
  const planned = [...machine.files, ...unitFiles(machine)];
  const paths = planned.map(({ path }) => `${tree}${path}`);
  const { stdout } = await host.run(findFilesCommand(paths), { okExitCodes: 'any' });
  const present = new Map(parseFoundFiles(stdout).map((file) => [file.path, file]));
  const drift = planned.flatMap((file): DriftedFile[] => {
    const how = howOf(file, present.get(`${tree}${file.path}`));
    return how === undefined ? [] : [{ path: file.path, how }];
  });
  const wrong = new Set(drift.map(({ path }) => path));
  const compared = planned.flatMap((file) => {
    const text = wrong.has(file.path) ? undefined : textOf(file, material);
    return text === undefined ? [] : [{ path: file.path, digest: digestOf(text) }];
  });
  if (compared.length === 0) return drift;
  const sums = await host.run(sha256Command(compared.map(({ path }) => `${tree}${path}`)), {
    okExitCodes: 'any',
  });
  const digests = parseSha256(sums.stdout);
  const changed = compared.filter(({ digest }, index) => digests[index] !== digest);
  return [...drift, ...changed.map(({ path }): DriftedFile => ({ path, how: 'changed' }))];
}

function howOf({ content, mode }: PlannedFile, found: FoundFile | undefined): DriftedFile['how'] | undefined {
  if (!found) return 'missing';
  if ('link' in content) {
    if (found.kind !== 'l') return 'kind';
    return found.link === content.link ? undefined : 'changed';
  }
  if (found.kind !== 'f') return 'kind';
  return found.mode === mode ? undefined : 'mode';
}

/** What was written; undefined where it may be another one for a good reason. */
function textOf({ content }: PlannedFile, material: KeyMaterial): string | undefined {
  if (!('text' in content)) return undefined;
  const { text, secrets = [] } = content;
  const known = secrets.map((name) => [name, material.get(name)] as const);
  if (known.some(([, value]) => value === undefined)) return undefined;
  return known.reduce((all, [name, value]) => all.replaceAll(secretMark(name), () => value ?? ''), text);
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
