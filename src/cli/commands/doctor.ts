/** knest doctor */

import type { Command } from 'commander';
import type { Check } from '../../api/commands.ts';
import { exitCodes } from '../../errors.ts';
import { withProgress, type Cli } from '../cli.ts';
import { outputOption, yesOption, type OutputFlag } from '../options.ts';
import type { Palette } from '../output/frame.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends OutputFlag {
  fix?: true;
  yes?: true;
}

export function addDoctor(parent: Command, cli: Cli): void {
  const command = parent
    .command('doctor')
    .description('check whether this host can run clusters; exits 3 when it cannot')
    .option('--fix', 'put right what knest can put right');
  outputOption(yesOption(command), ['text', 'json', 'yaml']).action((flags: Flags, self: Command) =>
    doctor(cli, flags, self),
  );
}

async function doctor(cli: Cli, { fix, yes, output }: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const checks = await withProgress(cli, command, ({ context }) =>
    api.doctor({ ...context, fix: fix ?? false, yes: yes ?? false }),
  );
  const { paletteFor } = await import('../output/colour.ts');
  const palette = paletteFor(cli.terminal.stdout, cli.terminal.env);
  const rendering = { text: (list: Check[]) => renderChecks(list, palette) };
  cli.terminal.stdout.write(await renderResult(output, checks, rendering));
  if (checks.some(({ verdict }) => verdict === 'problem')) cli.exitCode = exitCodes.preflight;
}

/** A line for each check; below what is not well, how to mend it. */
function renderChecks(checks: readonly Check[], palette: Palette): string {
  const marks = { ok: palette.good('✓'), warning: palette.warning('!'), problem: palette.bad('✗') };
  const lines = checks.flatMap(({ sentence, verdict, fix }) => [
    `${marks[verdict]} ${sentence}`,
    ...(verdict === 'ok' || fix === undefined ? [] : [`    ${fix}`]),
  ]);
  const count = (wanted: Check['verdict']) => checks.filter(({ verdict }) => verdict === wanted).length;
  return [...lines, '', summary(count('problem'), count('warning'))].map((line) => `${line}\n`).join('');
}

function summary(problems: number, warnings: number): string {
  const parts = [plural(problems, 'problem'), plural(warnings, 'warning')].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? 'This host is ready for clusters.' : `${parts.join(' and ')}.`;
}

function plural(count: number, noun: string): string | undefined {
  return count === 0 ? undefined : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
