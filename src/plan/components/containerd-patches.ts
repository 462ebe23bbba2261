/**
 * The user's patches of containerd's configuration, brought into the format that the file has. What containerd itself does
 * with older files (configMigration in plugins/cri, v2.3.4) is done to a patch of version 2; the other way there is none.
 */

import { isMapping } from '../../formats/mapping.ts';
import type { ConfigPatch } from '../../spec/types.ts';
import type { ContainerdFormat, ContainerdTraits } from '../versions/components.ts';

/** All of the CRI in version 2; from version 3 on only its server. */
export const criPlugin = 'io.containerd.grpc.v1.cri';
export const imagesPlugin = 'io.containerd.cri.v1.images';
export const runtimePlugin = 'io.containerd.cri.v1.runtime';

/** Plugins that the sockets of containerd have been since version 4, by the tables that they were before. */
const serverTables = ['grpc', 'ttrpc', 'metrics'] as const;
const serverPlugins = 'io.containerd.server.v1.';

export interface FittedPatch {
  /** What can be merged into the file; undefined: nothing. */
  patch: ConfigPatch | undefined;
  /** What is left out, and why, as the predicate of a sentence about the patch. */
  problems: readonly string[];
  hint?: string;
}

/** A patch as far as it can be merged into a file of this format. */
export function fitPatch(patch: ConfigPatch, traits: ContainerdTraits): FittedPatch {
  const { format } = traits;
  const written = versionOf(patch);
  const tables = divide(patch, ['version']).others;
  if (written !== undefined && (written === 2) !== (format === 2)) {
    if (written !== 2)
      return refused(`is of version ${written}, and the file is of version ${format}`, format);
    return withoutServer(translated(tables, traits), 2, traits);
  }
  if (written !== undefined && ![2, 3, 4].includes(written))
    return refused(`is of version ${written}, and the file is of version ${format}`, format);
  return withoutServer(tables, written, traits);
}

/** What the patch says, else what its tables tell. undefined: it would be the same in all. */
function versionOf({ version, plugins }: ConfigPatch): number | undefined {
  if (version !== undefined) return Number(version);
  if (!isMapping(plugins)) return undefined;
  const names = Object.keys(plugins);
  if (names.includes(imagesPlugin) || names.includes(runtimePlugin)) return 3;
  return names.includes(criPlugin) ? 2 : undefined;
}

function refused(problem: string, format: ContainerdFormat): FittedPatch {
  const hint =
    format === 2
      ? `write it for version 2 (plugins."${criPlugin}"), or take a containerd 2: components.containerd.version`
      : `write it for version ${format} (plugins."${imagesPlugin}", plugins."${runtimePlugin}")`;
  return { patch: undefined, problems: [`${problem}: it is left out`], hint };
}

/** Takes away what this containerd would not read, or read wrongly. */
function withoutServer(
  tables: ConfigPatch,
  written: number | undefined,
  { format, withoutRegistryTables }: ContainerdTraits,
): FittedPatch {
  const plugins = isMapping(tables['plugins']) ? tables['plugins'] : {};
  const old = format === 4 && written !== 4 ? serverTables.filter((name) => name in tables) : [];
  const fresh = format === 4 ? [] : Object.keys(plugins).filter((name) => name.startsWith(serverPlugins));
  const images = plugins[imagesPlugin];
  const registry = isMapping(images) ? images['registry'] : undefined;
  const gone =
    withoutRegistryTables && isMapping(registry)
      ? ['mirrors', 'configs', 'auths'].filter((name) => name in registry)
      : [];
  const kept = Object.fromEntries(Object.entries(tables).filter(([name]) => !old.includes(name as 'grpc')));
  const problems = [
    ...old.map(
      (name) => `has [${name}], which is plugins."${serverPlugins}${name}" in version 4: it is left out`,
    ),
    ...fresh.map((name) => `has plugins."${name}", which version ${format} does not know`),
    ...gone.map((name) => `has registry.${name}, which this containerd does not know any more`),
  ];
  return {
    patch: kept,
    problems,
    ...(gone.length > 0 ? { hint: 'use registries, which work with every version' } : {}),
  };
}

const ofImages = [
  ...['registry', 'image_decryption', 'max_concurrent_downloads', 'image_pull_progress_timeout'],
  ...['image_pull_with_sync_fs', 'stats_collect_period'],
];
const ofServer = [
  ...['disable_tcp_service', 'stream_server_address', 'stream_server_port', 'stream_idle_timeout'],
  ...['enable_tls_streaming', 'x509_key_pair_streaming'],
];
const ofSnapshots = ['snapshotter', 'disable_snapshot_annotations', 'discard_unpacked_layers'];

/** Tables of version 2 at the places that they have since version 3. */
function translated(tables: ConfigPatch, { cniBinDirs }: ContainerdTraits): ConfigPatch {
  const plugins = isMapping(tables['plugins']) ? tables['plugins'] : {};
  const { [criPlugin]: cri, ...others } = plugins;
  if (!isMapping(cri)) return tables;
  const { sandbox_image: sandbox, containerd, cni, ...rest } = cri;
  const { mine: images, others: notImages } = divide(rest, ofImages);
  const { mine: server, others: runtime } = divide(notImages, ofServer);
  const inContainerd = divide(isMapping(containerd) ? containerd : {}, ofSnapshots);
  return {
    ...tables,
    plugins: {
      ...others,
      ...tableUnless(criPlugin, server),
      ...tableUnless(imagesPlugin, {
        ...images,
        ...inContainerd.mine,
        ...(sandbox === undefined ? {} : { pinned_images: { sandbox } }),
      }),
      ...tableUnless(runtimePlugin, {
        ...runtime,
        ...tableUnless('containerd', withSandboxers(inContainerd.others)),
        ...tableUnless('cni', isMapping(cni) ? withBinDirs(cni, cniBinDirs) : {}),
      }),
    },
  };
}

/** A runtime's sandbox_mode is called sandboxer. */
function withSandboxers(containerd: ConfigPatch): ConfigPatch {
  const { runtimes } = containerd;
  if (!isMapping(runtimes)) return containerd;
  const renamed = Object.entries(runtimes).map(([name, runtime]) => {
    if (!isMapping(runtime) || !('sandbox_mode' in runtime)) return [name, runtime];
    const { sandbox_mode: sandboxer, ...others } = runtime;
    return [name, { sandboxer, ...others }];
  });
  return { ...containerd, runtimes: Object.fromEntries(renamed) as ConfigPatch };
}

function withBinDirs({ bin_dir: folder, ...cni }: ConfigPatch, asList: boolean): ConfigPatch {
  if (folder === undefined) return cni;
  return { ...(asList ? { bin_dirs: [folder] } : { bin_dir: folder }), ...cni };
}

function divide(table: ConfigPatch, keys: readonly string[]): { mine: ConfigPatch; others: ConfigPatch } {
  const entries = Object.entries(table);
  return {
    mine: Object.fromEntries(entries.filter(([key]) => keys.includes(key))),
    others: Object.fromEntries(entries.filter(([key]) => !keys.includes(key))),
  };
}

/** A table that says nothing is none. */
function tableUnless(name: string, table: ConfigPatch): ConfigPatch {
  return Object.keys(table).length === 0 ? {} : { [name]: table };
}
