/**
 * Records commands in a pseudo terminal and writes what a reader of the README would have seen as an animated SVG:
 *
 *     npx tsx scripts/record.ts docs/images/create-cluster.svg 'npx knest create cluster' 'npx knest delete cluster'
 *
 * The commands really run, one after the other, and the times are those they took.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import spawn from 'nano-spawn';

import { framesOf } from './recording/frames.ts';
import type { Chunk } from './recording/frames.ts';
import { renderSvg } from './recording/svg.ts';

const size = { columns: 84, rows: 40 };

/** Seconds. */
const pauses = { beforeTyping: 0.6, perKey: 0.035, beforeOutput: 0.3, afterCommand: 0.9, atTheEnd: 5 };

/** Runs the commands and writes the picture. @throws an Error when one of them fails */
async function record(file: string, commands: readonly string[]): Promise<void> {
  const chunks: Chunk[] = [];
  let at = 0;
  for (const command of commands) {
    chunks.push(...typed(command, at, chunks.length > 0));
    at = (chunks.at(-1)?.at ?? 0) + pauses.beforeOutput;
    const output = await runInTerminal(command);
    chunks.push(...output.map((chunk) => ({ ...chunk, at: at + chunk.at })));
    at = (chunks.at(-1)?.at ?? 0) + pauses.afterCommand;
  }
  const frames = await framesOf(chunks, size);
  await writeFile(file, renderSvg(frames, { columns: size.columns, seconds: at + pauses.atTheEnd }));
}

/** A prompt, then one key after the other. */
function typed(command: string, start: number, blankLine: boolean): Chunk[] {
  const first = start + pauses.beforeTyping;
  return [
    { at: start, data: `${blankLine ? '\r\n' : ''}\x1b[2m$\x1b[22m ` },
    ...Array.from(command, (key, index) => ({
      at: first + index * pauses.perKey,
      data: `\x1b[1m${key}\x1b[22m`,
    })),
    { at: first + command.length * pauses.perKey, data: '\r\n' },
  ];
}

/** script(1) gives the command a terminal and notes when it wrote how many bytes. */
async function runInTerminal(command: string): Promise<Chunk[]> {
  const folder = await mkdtemp(join(tmpdir(), 'knest-record-'));
  try {
    const [output, timing] = [join(folder, 'output'), join(folder, 'timing')];
    const sized = `stty cols ${size.columns} rows ${size.rows}; exec ${command}`;
    const logs = ['--log-out', output, '--log-timing', timing, '--logging-format', 'classic'];
    await spawn('script', ['--quiet', '--return', '--flush', ...logs, '--command', sized], {
      stdin: 'ignore',
      env: { TERM: 'xterm-256color', NO_COLOR: undefined, COLUMNS: undefined, LINES: undefined },
    });
    return chunksOfScript(await readFile(output), await readFile(timing, 'utf8'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * What script(1) wrote, cut where it was written.
 * @param timing lines of seconds since the line before and number of bytes
 */
export function chunksOfScript(output: Buffer, timing: string): Chunk[] {
  // "Script started on ...", of which the timing knows nothing
  let offset = output.indexOf('\n') + 1;
  let at = 0;
  return timing
    .trim()
    .split('\n')
    .map((line) => {
      const [delay = 0, bytes = 0] = line.split(' ').map(Number);
      at += delay;
      offset += bytes;
      return { at, data: output.subarray(offset - bytes, offset) };
    });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file, ...commands] = process.argv.slice(2);
  if (file === undefined || commands.length === 0) {
    process.stderr.write('usage: tsx scripts/record.ts FILE.svg COMMAND...\n');
    process.exitCode = 2;
  } else {
    await record(file, commands);
  }
}
