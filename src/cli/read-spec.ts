/** Flags and the file they name -> ClusterSpec, and what there is to say about them. */

import { createReadStream } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Listener } from '../events.ts';
import { InputError, messageOf, problemInOneLine } from '../errors.ts';
import { loadSpec, type ConfigFile, type LoadedSpec, type SpecFlags } from '../spec/load.ts';
import { maximumTextSize } from '../spec/yaml.ts';
import type { BundledCluster } from '../api/commands.ts';
import type { Lock } from '../spec/lock.ts';
import { lockFileName } from '../spec/lock-file-name.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { given, type SpecOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** @throws InputError when the file cannot be read, or with all that is wrong in it and in the flags. */
export async function readSpec(terminal: Terminal, options: SpecOptions): Promise<ReadSpec> {
  const flags = specFlags(options);
  const { config } = options;
  const file = config === undefined ? undefined : await readConfig(terminal, config);
  const read = {
    ...loadSpec({ ...(file && { config: file }), flags }),
    ...(file && { config: file.text, file }),
  };
  const found = options.lock === false ? undefined : await readLock(config);
  if (!found && options.locked) {
    const where = config === undefined || config === '-' ? 'no config file that' : `no ${lockFileName} that`;
    const message = `there is ${where} says what the nodes are made of`;
    throw new InputError('The flags', [{ path: '--locked', message, hint: 'knest lock --config FILE' }]);
  }
  if (!found) return read;
  return { ...read, spec: withLock(read.spec, found.lock), lockFile: found.file };
}

export interface ReadSpec extends LoadedSpec {
  /** The config's text. */
  config?: string;
  file?: ConfigFile;
  /** Where its lock comes from. */
  lockFile?: string;
}

/**
 * The same with the config out of a bundle; another config counts instead of the bundle's.
 * @throws InputError
 */
export async function readBundledSpec(
  terminal: Terminal,
  options: SpecOptions,
  { config }: Pick<BundledCluster, 'config'>,
): Promise<ReadSpec> {
  const directory = process.cwd();
  const file =
    options.config === undefined ? { ...config, directory } : await readConfig(terminal, options.config);
  return loadSpec({ config: file, flags: specFlags(options) });
}

/** Where the lock of a config file is. @throws InputError for a config that is no file */
export function lockFileOf(config: string): string {
  if (config !== '-') return join(dirname(config), lockFileName);
  const message = 'must be a file, beside which its lock is';
  throw new InputError('The flags', [{ path: '--config', message }]);
}

/** The lock beside a config file. @throws InputError when there is one that cannot be used */
async function readLock(config: string | undefined): Promise<{ file: string; lock: Lock } | undefined> {
  if (config === undefined || config === '-') return undefined;
  const file = lockFileOf(config);
  const text = await readText(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new InputError(file, [{ path: '', message: `cannot be read: ${messageOf(error)}` }]);
  });
  if (text === undefined) return undefined;
  const { parseLock } = await import('../spec/lock.ts');
  return { file, lock: parseLock(text, file) };
}

function withLock(spec: ClusterSpec, lock: Lock): ClusterSpec {
  return { ...spec, image: { ...spec.image, lock } };
}

/**
 * Problems that only show when the host is known are told as those of the config itself: with their place in the file.
 * @throws what the work throws
 */
export async function withPlaces<T>({ placed }: ReadSpec, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.subject, error.problems.map(placed));
  }
}

/** What there is to say, as notes of the story. */
export function tellRemarks({ warnings, lockFile }: ReadSpec, listener: Listener): void {
  for (const warning of warnings)
    listener({ type: 'note', level: 'warning', message: problemInOneLine(warning) });
  if (lockFile === undefined) return;
  listener({ type: 'note', level: 'info', message: `Nodes are made as ${lockFile} says` });
}

function specFlags(options: SpecOptions): SpecFlags {
  const { source, releaseMirror, componentMirror } = options;
  return given({
    name: options.name,
    kubernetesVersion: options.kubernetesVersion,
    nodeImage: options.image,
    source: fromHere(source),
    containerd: fromHere(options.containerd),
    runc: fromHere(options.runc),
    cniPlugins: fromHere(options.cniPlugins),
    etcd: fromHere(options.etcd),
    // An empty variable is how a shell takes back an exported one.
    releaseMirror: releaseMirror === '' ? undefined : releaseMirror,
    componentMirror: componentMirror === '' ? undefined : componentMirror,
    suite: options.suite,
    mirror: options.mirror,
    manager: options.manager,
    images: options.images?.map((file) => resolve(file)),
    manifests: options.manifests?.map((from) => (/^https?:\/\//.test(from) ? from : resolve(from))),
    nodes: options.nodes,
    controlPlanes: options.controlPlanes,
    network: options.network,
    dhcp: options.dhcp,
    gateway: options.gateway,
    ipFamily: options.ipFamily,
    proxyMode: options.proxyMode,
    nodeSubnet: options.nodeSubnet,
    podSubnet: options.podSubnet,
    serviceSubnet: options.serviceSubnet,
    // commander says true where the flag is not given, which would win over the file
    metrics: options.metrics === false ? false : undefined,
    ingress: options.ingress,
    loadBalancer: options.loadBalancer,
  });
}

/** On the command line a path like ./bin is relative to where the user is; a config file has no such place. */
function fromHere(source: string | undefined): string | undefined {
  return source !== undefined && /^\.\.?(\/|$)/.test(source) ? resolve(source) : source;
}

async function readConfig(terminal: Terminal, path: string): Promise<ConfigFile> {
  // as kind has it: relative to where the user is, not to the file
  const directory = process.cwd();
  if (path === '-') return { text: await terminal.readStdin(), name: 'stdin', directory };
  try {
    return { text: await readText(path), name: path, directory };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InputError('The flags', [{ path: '--config', message: `cannot be read: ${message}` }]);
  }
}

/** One byte more than a config may have is enough to refuse it; a device would never end. */
async function readText(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: maximumTextSize })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
