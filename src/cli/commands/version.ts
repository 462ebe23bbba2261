/** knest version */

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
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

/** The version in package.json, which lies at the same distance from the sources and from what they compile to. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
