/** knest get versions */

import type { Command } from 'commander';
import type { KubernetesVersions } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, outputOption, releaseMirrorOption, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends OutputFlag {
  releaseMirror?: string;
}

export function addGetVersions(parent: Command, cli: Cli): void {
  const command = parent
    .command('versions')
    .alias('version')
    .description('list the versions of Kubernetes: of the sources, in the cache, of the clusters');
  outputOption(command.addOption(releaseMirrorOption(command)), [
    'text',
    'name',
    'wide',
    'json',
    'yaml',
  ]).action((flags: Flags, self: Command) => getVersions(cli, flags, self));
}

async function getVersions(cli: Cli, flags: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  // an empty variable is how a shell takes back an exported one
  const releaseMirror = flags.releaseMirror === '' ? undefined : flags.releaseMirror;
  const versions = await withProgress(cli, command, ({ context }) =>
    api.listVersions({ ...context, ...given({ releaseMirror }) }),
  );
  const rendering = {
    text: renderVersions,
    names: (found: KubernetesVersions) => [...new Set(rowsOf(found).map(({ version }) => version))],
  };
  cli.terminal.stdout.write(await renderResult(flags.output, versions, rendering));
}

interface Row {
  version: string;
  source: string;
  from: string;
  labels: readonly string[];
  /** Days on which layers of it were made. */
  built: readonly string[];
}

/** What sources have, each with what of it is in the cache; then what is only in the cache. */
function rowsOf({ sources, cached }: KubernetesVersions): Row[] {
  const day = ({ built }: { built: string }): string => built.slice(0, 10);
  const offered = sources.flatMap(({ source, from, versions }) =>
    versions.map(({ version, labels }) => {
      const built = cached.filter((one) => one.version === version && one.source === source).map(day);
      return { version, source, from, labels, built };
    }),
  );
  const others = cached.filter(
    ({ version, source }) => !offered.some((row) => row.version === version && row.source === source),
  );
  return [...offered, ...others.map((one) => ({ ...one, labels: [], built: [day(one)] }))];
}

function renderVersions(versions: KubernetesVersions, wide: boolean): string {
  const columns = [
    { heading: 'VERSION', cell: ({ version }: Row) => version },
    { heading: 'SOURCE', cell: ({ source }: Row) => source },
    { heading: 'LABELS', cell: ({ labels }: Row) => labels.join(',') },
    { heading: 'CACHED', cell: ({ built }: Row) => built.join(',') },
  ];
  const more = [{ heading: 'FROM', cell: ({ from }: Row) => from }];
  const table = renderTable(wide ? [...columns, ...more] : columns, rowsOf(versions));
  return versions.clusters.length === 0 ? table : `${table}\n${renderClusters(versions)}`;
}

type ClusterRow = KubernetesVersions['clusters'][number];

function renderClusters({ clusters }: KubernetesVersions): string {
  return renderTable(
    [
      { heading: 'CLUSTER', cell: ({ name }: ClusterRow) => name },
      { heading: 'VERSION', cell: ({ nodes }: ClusterRow) => nodes.join(',') },
      { heading: 'NEXT', cell: ({ next }: ClusterRow) => next },
      { heading: 'UPGRADES', cell: ({ upgrades }: ClusterRow) => upgrades.join(',') },
    ],
    clusters,
  );
}
