/** Runs the CLI in this process, with streams to look into and a library made by the test. */

import { Writable } from 'node:stream';
import type { Api } from '../../src/cli/cli.ts';
import { run } from '../../src/cli/run.ts';
import type { Output, Terminal } from '../../src/cli/terminal.ts';

export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunCliOptions {
  /** The functions that the command is expected to call; calling any other one fails. */
  api?: Partial<Api>;
  env?: Record<string, string>;
  stdin?: string;
  tty?: boolean;
  /** Types: by default nobody does. */
  onKeys?: Terminal['onKeys'];
}

export const noKeys: Terminal['onKeys'] = () => () => undefined;

export async function runCli(argv: readonly string[], options: RunCliOptions = {}): Promise<Ran> {
  const [stdout, stderr] = [capture(options.tty ?? false), capture(options.tty ?? false)];
  const terminal: Terminal = {
    stdout: stdout.output,
    stderr: stderr.output,
    env: options.env ?? {},
    stdinIsTTY: options.tty ?? false,
    readStdin: () => Promise.resolve(options.stdin ?? ''),
    onKeys: options.onKeys ?? noKeys,
  };
  const exitCode = await run(argv, terminal, () => Promise.resolve((options.api ?? {}) as Api));
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

/** An output that keeps what is written to it. */
export function capture(isTTY: boolean): { output: Output; text: () => string } {
  const chunks: string[] = [];
  const write = (text: string) => {
    chunks.push(text);
  };
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      write(chunk.toString());
      done();
    },
  });
  return { output: { write, isTTY, columns: 80, rows: 24, stream }, text: () => chunks.join('') };
}
