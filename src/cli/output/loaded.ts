/** What has become of images that were to be loaded. */

import type { Api } from '../cli.ts';
import type { Output } from '../terminal.ts';
import { renderResult, type OutputFormat } from './result.ts';
import { renderTable } from './table.ts';

type Loaded = Awaited<ReturnType<Api['loadImageArchive']>>;

export async function writeLoaded(output: Output, format: OutputFormat, loaded: Loaded): Promise<void> {
  const rendering = {
    text: renderLoaded,
    names: (list: Loaded) => [...new Set(list.map(({ image }) => image))],
  };
  output.write(await renderResult(format, loaded, rendering));
}

function renderLoaded(loaded: Loaded): string {
  return renderTable(
    [
      { heading: 'NODE', cell: ({ node }) => node },
      { heading: 'IMAGE', cell: ({ image }) => image },
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'FROM', cell: ({ file }) => file },
    ],
    loaded,
  );
}
