import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

/** More than a pipe holds. */
const megabyte = 1 << 20;

/** A program that says a megabyte on either stream, and leaves while something would keep it alive. */
const script = `
  import { leave, watchStandardStreams } from ${JSON.stringify(join(import.meta.dirname, '../../src/cli/leave.ts'))};
  watchStandardStreams();
  setInterval(() => undefined, 60_000);
  process.stderr.write(process.env.STORY ?? '');
  process.stdout.write('x'.repeat(${megabyte}));
  await leave(Number(process.env.CODE));`;

function start(
  env: Record<string, string>,
  stdout: 'pipe' | number = 'pipe',
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', stdout, 'pipe'],
  }) as ChildProcessByStdio<null, Readable, Readable>;
}

describe('leave', () => {
  it('waits until a slow reader has all, and keeps the exit code', async () => {
    const program = start({ CODE: '7', STORY: 'y'.repeat(100_000) });
    const ended = once(program, 'exit');
    await once(program.stdout, 'readable');
    await sleep(300);
    const [out, story] = await Promise.all([buffer(program.stdout), buffer(program.stderr)]);
    expect([out.length, story.length]).toEqual([megabyte, 100_000]);
    expect(await ended).toEqual([7, null]);
  }, 20_000);

  it('is quiet when the reader has seen enough', async () => {
    const program = start({ CODE: '0' });
    const ended = once(program, 'exit');
    const story = text(program.stderr);
    await once(program.stdout, 'data');
    program.stdout.destroy();
    expect(await ended).toEqual([0, null]);
    expect(await story).toBe('');
  }, 20_000);

  it('says that the output found no place', async () => {
    const program = start({ CODE: '0' }, openSync('/dev/full', 'w'));
    const ended = once(program, 'exit');
    expect(await text(program.stderr)).toContain('no space is left');
    expect(await ended).toEqual([1, null]);
  }, 20_000);
});
