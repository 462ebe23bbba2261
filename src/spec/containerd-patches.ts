/** Patches of containerd's configuration: TOML in the config file, tables in the spec. */

import { parse, TomlError } from 'smol-toml';
import type { ConfigPatch } from './types.ts';

/** What is wrong with the text of a patch, with its place in it. */
export function tomlProblem(text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // the message goes on with a picture of the place
    const [reason = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    return `is not TOML: line ${error.line}, column ${error.column}: ${reason}`;
  }
}

/** The table of a sound text. */
export function containerdPatch(text: string): ConfigPatch {
  const patch: ConfigPatch = parse(text);
  return setsMirrors(patch) ? withoutConfigPath(patch) : patch;
}

const criPlugin = 'io.containerd.grpc.v1.cri';

/**
 * containerd has two ways to say where registries are, and refuses to start its CRI plugin with both: "`mirrors` cannot
 * be set when `config_path` is provided" (1.5 to 1.7). knest's own is config_path.
 */
function setsMirrors(patch: ConfigPatch): boolean {
  const registry = at(patch, ['plugins', criPlugin, 'registry']);
  if (!isTable(registry) || 'config_path' in registry) return false;
  return 'mirrors' in registry || 'configs' in registry;
}

function withoutConfigPath(patch: ConfigPatch): ConfigPatch {
  const plugins = at(patch, ['plugins']) as ConfigPatch;
  const cri = at(plugins, [criPlugin]) as ConfigPatch;
  const registry = { ...(at(cri, ['registry']) as ConfigPatch), config_path: '' };
  return { ...patch, plugins: { ...plugins, [criPlugin]: { ...cri, registry } } };
}

function at(table: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isTable(value) ? value[key] : undefined), table);
}

function isTable(value: unknown): value is ConfigPatch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
