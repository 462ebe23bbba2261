/** Patches of containerd's configuration: TOML in the config file, tables in the spec. */

import { isMapping } from '../formats/mapping.ts';
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

/** The table of a valid text. */
export function containerdPatch(text: string): ConfigPatch {
  const patch: ConfigPatch = parse(text);
  return withoutConfigPath(patch);
}

/** Whether a valid text sets mirrors, or their certificates, in a way that does not go together with config_path. */
export function setsMirrors(text: string): boolean {
  return isOldWay(parse(text));
}

/** Where containerd has its registries: 1.x, or a file in its format; since 2.0. */
const registryPlugins = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images'];

/**
 * containerd has two ways to say where registries are, and refuses to start its CRI plugin with both: "`mirrors` cannot
 * be set when `config_path` is provided", "`configs.tls` cannot be set ..." (1.5 to 2.3). knest's own is config_path.
 * Credentials (`configs.HOST.auth`) go with both.
 */
function isOldWay(patch: ConfigPatch): boolean {
  return registryPlugins.some((plugin) => isOldWayOf(plugin, patch));
}

function isOldWayOf(plugin: string, patch: ConfigPatch): boolean {
  const registry = at(patch, ['plugins', plugin, 'registry']);
  if (!isMapping(registry) || 'config_path' in registry) return false;
  const configs = isMapping(registry['configs']) ? Object.values(registry['configs']) : [];
  return 'mirrors' in registry || configs.some((config) => isMapping(config) && 'tls' in config);
}

function withoutConfigPath(patch: ConfigPatch): ConfigPatch {
  return registryPlugins
    .filter((plugin) => isOldWayOf(plugin, patch))
    .reduce((all, plugin) => {
      const plugins = at(all, ['plugins']) as ConfigPatch;
      const own = at(plugins, [plugin]) as ConfigPatch;
      const registry = { ...(at(own, ['registry']) as ConfigPatch), config_path: '' };
      return { ...all, plugins: { ...plugins, [plugin]: { ...own, registry } } };
    }, patch);
}

function at(table: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isMapping(value) ? value[key] : undefined), table);
}
