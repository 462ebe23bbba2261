/** One run of the CLI: arguments in, exit code out. */

import { CommanderError } from 'commander';
import { exitCodes, KnestError } from '../errors.ts';
import type { Api, Cli, GlobalFlags } from './cli.ts';
import { watchInterruption } from './interruption.ts';
import { buildProgram } from './program.ts';
import { inWords } from './system-errors.ts';
import type { Terminal } from './terminal.ts';

/**
 * Runs the command that the arguments name.
 * @param argv without the interpreter and the script.
 * @returns the exit code; nothing is thrown.
 */
export async function run(
  argv: readonly string[],
  terminal: Terminal,
  loadApi: () => Promise<Api>,
): Promise<number> {
  const interruption = watchInterruption();
  const cli: Cli = { terminal, api: loadApi, interruption, exitCode: exitCodes.ok };
  const program = buildProgram(cli);
  try {
    // Asked for nothing, knest introduces itself; commander would call that an error.
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
    return cli.exitCode;
  } catch (thrown) {
    const error = inWords(thrown);
    // Commander has printed its message itself; help and version "fail" with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    await tell(error, cli, program.opts<GlobalFlags>());
    const interrupted = interruption.exitCode();
    if (interrupted !== undefined) return interrupted;
    return exitCodes[error instanceof KnestError ? error.kind : 'failed'];
  } finally {
    interruption.dispose();
  }
}

/** Prints an error in the way the flags ask for. */
async function tell(
  error: unknown,
  { terminal, interruption }: Cli,
  { progress, debug, verbosity = 0 }: GlobalFlags,
): Promise<void> {
  const told = interruption.exitCode() === undefined ? error : withoutAbort(error, interruption.signal);
  if (progress === 'json') {
    const { errorEntry, jsonLine } = await import('./output/json-lines.ts');
    terminal.stderr.write(jsonLine({ type: 'error', error: errorEntry(told) }, new Date()));
    return;
  }
  const [{ renderError }, { paletteFor }] = await Promise.all([
    import('./output/error.ts'),
    import('./output/colour.ts'),
  ]);
  const withStack = debug === true || verbosity > 0;
  terminal.stderr.write(renderError(told, withStack, paletteFor(terminal.stderr, terminal.env)));
}

/** Work that was merely aborted says why it was. */
function withoutAbort(error: unknown, { reason }: AbortSignal): unknown {
  return isAbortError(error) ? reason : error;
}

function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
