/** knest cache list */

import type { Command } from 'commander';
import type { CacheContents, CachedLayer } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { outputOption, type OutputFlag } from '../options.ts';
import { renderBytes } from '../output/bytes.ts';
import { formatAge } from '../output/duration.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

export function addCacheList(parent: Command, cli: Cli): void {
  outputOption(parent.command('list').alias('ls'), ['text', 'name', 'wide', 'json', 'yaml'])
    .description('list the layers and unfinished builds in the cache, and the clusters that use them')
    .action((flags: OutputFlag, self: Command) => cacheList(cli, flags, self));
}

async function cacheList(cli: Cli, { output }: OutputFlag, command: Command): Promise<void> {
  const api = await cli.api();
  const contents = await withProgress(cli, command, async ({ context, say }) => {
    const found = await api.listCache(context);
    if (found.entries.length === 0) say(`${found.folder} is empty.`);
    return found;
  });
  const rendering = {
    text: ({ entries }: CacheContents, wide: boolean) =>
      entries.length === 0 ? '' : renderEntries(entries, wide, new Date()),
    names: ({ entries }: CacheContents) => [...new Set(entries.map(({ id }) => id))],
  };
  cli.terminal.stdout.write(await renderResult(output, contents, rendering));
}

/** The entries of a cache as a table. */
export function renderEntries(entries: readonly CachedLayer[], wide: boolean, now: Date): string {
  const columns = [
    { heading: 'LAYER', cell: ({ id }: CachedLayer) => id },
    { heading: 'KIND', cell: ({ kind }: CachedLayer) => kind },
    { heading: 'VERSION', cell: ({ version }: CachedLayer) => version },
    { heading: 'SIZE', cell: ({ size }: CachedLayer) => renderBytes(size) },
    { heading: 'AGE', cell: ({ built }: CachedLayer) => formatAge(new Date(built), now) },
    { heading: 'USED BY', cell: whoUses },
  ];
  const more = [
    { heading: 'SOURCE', cell: ({ source }: CachedLayer) => source },
    { heading: 'IMAGES', cell: ({ images }: CachedLayer) => images?.join(',') },
    { heading: 'PATH', cell: ({ paths }: CachedLayer) => paths.join(',') },
  ];
  return renderTable(wide ? [...columns, ...more] : columns, entries);
}

function whoUses({ usedBy, builder }: CachedLayer): string {
  return [...usedBy, ...(builder === undefined ? [] : [`a build (pid ${builder})`])].join(', ');
}
