/** What the caller wants, as a spec. */

import { resolve } from 'node:path';

import { InputError, messageOf } from '../errors.ts';
import type { Problem } from '../errors.ts';
import type { Listener } from '../events.ts';
import { readUserFile } from '../workstation/files.ts';
import { loadSpec } from '../spec/load.ts';
import type { ConfigFile, SpecFlags } from '../spec/load.ts';
import { apiVersion, configKind } from '../spec/schema.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { randomName } from './names.ts';
import type { ClusterConfig, ClusterFields, ClusterInput } from './types.ts';

/**
 * The complete spec. What deserves a remark is told to the listener.
 * @throws InputError with all that is wrong, in the words of the options
 */
export async function specOf(
  input: ClusterInput,
  listener: Listener = () => undefined,
): Promise<ClusterSpec> {
  if (input.spec !== undefined) return input.spec;
  return withLock(await specOfFields(input, listener), input.lock);
}

async function specOfFields(input: ClusterFields, listener: Listener): Promise<ClusterSpec> {
  const config = input.config === undefined ? undefined : await readConfig(input.config);
  const flags = flagsOf(input);
  if (config === undefined) flags.name ??= randomName();
  try {
    const { spec, warnings } = loadSpec({ ...(config && { config }), flags });
    for (const { path, message, hint } of warnings.map(inWordsOfOptions)) {
      const remark = `${path}: ${message}${hint === undefined ? '' : ` (${hint})`}`;
      listener({ type: 'note', level: 'warning', message: remark });
    }
    return spec;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const problems = error.problems.map(inWordsOfOptions);
    const written = typeof input.config === 'string';
    throw new InputError(config?.name ?? 'The options', written ? problems : problems.map(withoutPlace));
  }
}

/** @throws InputError for a lock that cannot be used */
async function withLock(spec: ClusterSpec, file: string | undefined): Promise<ClusterSpec> {
  if (file === undefined) return spec;
  const { parseLock } = await import('../spec/lock.ts');
  return { ...spec, image: { ...spec.image, lock: parseLock(await readLock(file), file) } };
}

async function readLock(file: string): Promise<string> {
  try {
    return await readUserFile(file);
  } catch (error) {
    throw new InputError('The options', [{ path: 'lock', message: `cannot be read: ${messageOf(error)}` }]);
  }
}

async function readConfig(config: ClusterConfig | string): Promise<ConfigFile> {
  if (typeof config !== 'string') {
    return {
      text: JSON.stringify({ apiVersion, kind: configKind, ...config }, undefined, 2),
      name: 'The config',
    };
  }
  try {
    // as on the command line: relative paths in kind's files are relative to where the user is
    return { text: await readUserFile(config), name: config, directory: resolve('.') };
  } catch (error) {
    const message = `cannot be read: ${messageOf(error)}`;
    throw new InputError('The options', [{ path: 'config', message }]);
  }
}

/** @throws InputError for numbers of nodes that contradict each other */
function flagsOf(fields: ClusterFields): SpecFlags {
  const { nodes, workers, controlPlanes = 1 } = fields;
  const message =
    workers !== undefined && nodes !== undefined
      ? 'is there beside "nodes", which counts all of them'
      : workers !== undefined && !(Number.isInteger(workers) && workers >= 0)
        ? `${workers} is not a whole number`
        : undefined;
  if (message !== undefined) throw new InputError('The options', [{ path: 'workers', message }]);
  const total = workers === undefined ? nodes : controlPlanes + workers;
  const { name, kubernetesVersion, source, releaseMirror, suite, mirror, manager, ipFamily, proxyMode } =
    fields;
  const { containerd, runc, cniPlugins, etcd, componentMirror } = fields;
  return defined({
    ...{ containerd, runc, cniPlugins, etcd, componentMirror },
    ...{ name, kubernetesVersion, source, releaseMirror, suite, mirror, manager, ipFamily, proxyMode },
    images: fields.images?.map((file) => resolve(file)),
    nodes: total?.toString(),
    controlPlanes: fields.controlPlanes?.toString(),
  });
}

/** Without what is undefined. */
function defined(flags: { [K in keyof SpecFlags]: SpecFlags[K] | undefined }): SpecFlags {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** An object has no lines: those of the text that was made of it are nowhere to be seen. */
function withoutPlace({ path, message, hint }: Problem): Problem {
  return { path, message, ...(hint === undefined ? {} : { hint }) };
}

/** --control-planes -> controlPlanes */
function inWordsOfOptions(problem: Problem): Problem {
  const inWords = (text: string): string =>
    text
      .replace('--image', '--images')
      .replace(/--([a-z]+(?:-[a-z]+)*)/g, (_, flag: string) =>
        flag.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase()),
      )
      .replace(/ \(or KNEST_[A-Z]+_MIRROR\)/, '');
  return { ...problem, path: inWords(problem.path), message: inWords(problem.message) };
}
