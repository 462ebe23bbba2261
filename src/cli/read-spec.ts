/** Flags and the file they name -> ClusterSpec. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { loadSpec, type SpecFlags } from '../spec/load.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { given, type SpecOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

/** @throws InputError when the file cannot be read, or with all that is wrong in it and in the flags. */
export async function readSpec(terminal: Terminal, options: SpecOptions): Promise<ClusterSpec> {
  const flags = specFlags(options);
  if (options.config === undefined) return loadSpec({ flags });
  return loadSpec({ config: await readConfig(terminal, options.config), flags });
}

function specFlags(options: SpecOptions): SpecFlags {
  const { source, releaseMirror } = options;
  return given({
    name: options.name,
    kubernetesVersion: options.kubernetesVersion,
    // On the command line a path like ./bin is relative to where the user is; a config file has no such place.
    source: source !== undefined && /^\.\.?(\/|$)/.test(source) ? resolve(source) : source,
    // An empty variable is how a shell takes back an exported one.
    releaseMirror: releaseMirror === '' ? undefined : releaseMirror,
    suite: options.suite,
    mirror: options.mirror,
    manager: options.manager,
    network: options.network,
    nodeSubnet: options.nodeSubnet,
    podSubnet: options.podSubnet,
    serviceSubnet: options.serviceSubnet,
  });
}

async function readConfig(terminal: Terminal, path: string): Promise<{ text: string; name: string }> {
  if (path === '-') return { text: await terminal.readStdin(), name: 'stdin' };
  try {
    return { text: await readFile(path, 'utf8'), name: path };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new InputError('The flags', [{ path: '--config', message: `cannot be read: ${message}` }]);
  }
}
