/** knest version */

import type { Command } from 'commander';
import { readVersion } from '../../workstation/package-file.ts';
import type { Cli } from '../cli.ts';
import { outputOption, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';

export function addVersion(parent: Command, cli: Cli): void {
  outputOption(parent.command('version'), ['text', 'json', 'yaml'])
    .description('print the version')
    .action((flags: OutputFlag) => version(cli, flags));
}

async function version({ terminal }: Cli, { output }: OutputFlag): Promise<void> {
  const versions = { knest: readVersion(), node: process.version, arch: process.arch };
  const rendering = { text: () => `knest ${versions.knest} (Node.js ${versions.node}, ${versions.arch})\n` };
  terminal.stdout.write(await renderResult(output, versions, rendering));
}
