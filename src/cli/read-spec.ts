/** Flags and the file they name -> ClusterSpec, and what there is to say about them. */

import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Listener } from '../events.ts';
import { InputError, problemInOneLine } from '../errors.ts';
import { loadSpec, type ConfigFile, type LoadedSpec, type SpecFlags } from '../spec/load.ts';
import { maximumTextSize } from '../spec/yaml.ts';
import { given, type SpecOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** @throws InputError when the file cannot be read, or with all that is wrong in it and in the flags. */
export async function readSpec(terminal: Terminal, options: SpecOptions): Promise<LoadedSpec> {
  const flags = specFlags(options);
  if (options.config === undefined) return loadSpec({ flags });
  return loadSpec({ config: await readConfig(terminal, options.config), flags });
}

/** The warnings as notes of the story. */
export function tellWarnings({ warnings }: LoadedSpec, listener: Listener): void {
  for (const warning of warnings)
    listener({ type: 'note', level: 'warning', message: problemInOneLine(warning) });
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
