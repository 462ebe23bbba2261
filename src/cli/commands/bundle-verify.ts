/** knest bundle verify */

import type { Command } from 'commander';
import type { BundleResult } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, outputOption, type OutputFlag } from '../options.ts';
import { renderBytes } from '../output/bytes.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends OutputFlag {
  verifyKey?: string;
}

export function addBundleVerify(parent: Command, cli: Cli): void {
  const command = parent
    .command('verify')
    .argument('<bundle>', 'the file')
    .description('read all of a bundle and compare it with its index, and the signature with a key')
    .option('--verify-key <file>', 'public key (ed25519, PEM) whose owner must have signed it');
  outputOption(command, ['text', 'json', 'yaml', 'name']).action(
    (bundle: string, flags: Flags, self: Command) => bundleVerify(cli, bundle, flags, self),
  );
}

async function bundleVerify(cli: Cli, file: string, flags: Flags, command: Command): Promise<void> {
  const { output, verifyKey } = flags;
  const api = await cli.api();
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const found = await api.verifyBundle({ ...context, file, ...given({ verifyKey }) });
    const { cluster, arch, knest, signed } = found;
    const by =
      verifyKey === undefined ? 'signed (by whom was not asked: --verify-key)' : `signed with ${verifyKey}`;
    say(`${file} is whole: "${cluster}" for ${arch}, of knest ${knest}, ${signed ? by : 'not signed'}.`);
    return found;
  });
  const rendering = {
    text: renderMembers,
    names: ({ members }: BundleResult) => members.map(({ name }) => name),
  };
  cli.terminal.stdout.write(await renderResult(output, result, rendering));
}

function renderMembers({ members }: BundleResult): string {
  return renderTable(
    [
      { heading: 'MEMBER', cell: ({ name }) => name },
      { heading: 'SIZE', cell: ({ size }) => renderBytes(size) },
      { heading: 'SHA256', cell: ({ sha256 }) => sha256 },
    ],
    members,
  );
}
