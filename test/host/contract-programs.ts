/** What every Host promises of the programs that it runs. */

import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { CommandError, KnestError } from '../../src/errors.ts';
import { identifyProcess } from '../../src/host/process.ts';
import type { Host } from '../../src/host/types.ts';
import { piecesOf } from './pieces.ts';

export function programsContract({ host, at }: { host: () => Host; at: (path: string) => string }): void {
  const sh = (script: string, options?: Parameters<Host['run']>[1]) =>
    host().run(['sh', '-c', script], options);

  describe('run', () => {
    it('gives exit code and output, without the newline at its end', async () => {
      const result = await sh('echo out; echo; echo err >&2');
      expect(result).toEqual({ exitCode: 0, stdout: 'out\n', stderr: 'err' });
      expect((await sh('exit 9', { okExitCodes: 'any' })).exitCode).toBe(9);
      expect((await sh('exit 3', { okExitCodes: [0, 3] })).exitCode).toBe(3);
    });

    // "sh" runs as it is, "bash" behind setpriv, which has its own ways to fail
    it.each(['sh', 'bash'])('tells how a program failed (%s)', async (shell) => {
      const exit = await failure(host().run([shell, '-c', 'echo why >&2; exit 3']));
      expect(exit).toMatchObject({ reason: 'exit', exitCode: 3, details: ['why'], stderr: 'why' });
      expect(exit.message).toBe(`${shell} exited 3 on ${host().name}: ${shell} -c 'echo why >&2; exit 3'`);
      const own = await failure(host().run([shell, '-c', 'echo lost >&2; exit 127']));
      expect(own).toMatchObject({ reason: 'exit', exitCode: 127 });
      const killed = await failure(host().run([shell, '-c', 'kill -KILL $$'], { okExitCodes: 'any' }));
      expect(killed).toMatchObject({ reason: 'signal', exitCode: undefined });
      expect(killed.message).toContain(`${shell} was ended by SIGKILL on ${host().name}`);
      const started = Date.now();
      const late = await failure(host().run([shell, '-c', 'exec sleep 30'], { timeout: 100 }));
      expect(late).toMatchObject({ reason: 'timeout', exitCode: undefined });
      expect(late.message).toContain(`${shell} did not end within 0.1 s on ${host().name}`);
      expect(Date.now() - started).toBeLessThan(5_000);
    });

    it.each(['no-such-program', '/no/such/program'])('tells that %s is not there', async (program) => {
      for (const start of [
        () => host().run([program], { okExitCodes: 'any' }),
        () => host().spawn([program]),
      ]) {
        const error = await failure(start());
        expect(error).toMatchObject({ reason: 'notFound', exitCode: undefined, argv: [program] });
        expect(error.message).toContain(`${program} is not installed on ${host().name}`);
      }
      expect(await failure(host().run(['/etc/passwd']))).toMatchObject({ reason: 'exit', exitCode: 126 });
    });

    it('passes on lines while the program runs, characters whole', async () => {
      const lines: string[] = [];
      const script =
        "printf 'one\\nb\\303'; sleep 0.1; printf '\\244r\\n'; echo two >&2; sleep 0.4; echo three";
      const running = sh(script, { onLine: (line) => lines.push(line) });
      await expect.poll(() => lines, { timeout: 450 }).toEqual(['one', 'bär', 'two']);
      expect((await running).stdout).toBe('one\nbär\nthree');
      expect(lines).toEqual(['one', 'bär', 'two', 'three']);
    });

    it('stops when told to, with the reason', async () => {
      const controller = new AbortController();
      const run = sh(`echo $$ > ${at('pid')}; exec sleep 30`, { signal: controller.signal });
      await expect.poll(() => host().readFile(at('pid'))).toMatch(/\d+\n/);
      controller.abort(new TypeError('enough'));
      await expect(run).rejects.toBe(controller.signal.reason);
      const pid = Number(await host().readFile(at('pid')));
      await expect.poll(() => identifyProcess(host(), pid)).toBeUndefined();
      await expect(sh(`echo > ${at('late')}`, { signal: controller.signal })).rejects.toThrow('enough');
      expect(await host().stat(at('late'))).toBeUndefined();
    });

    it('gives input of any kind and length, or none', async () => {
      expect((await host().run(['cat'], { input: 'äöü\n\n' })).stdout).toBe('äöü\n');
      expect((await host().run(['cat'])).stdout).toBe('');
      const bytes = randomBytes(16 << 20);
      const sum = createHash('sha256').update(bytes).digest('hex');
      for (const input of [bytes, Readable.from(piecesOf(bytes), { objectMode: false })]) {
        expect((await host().run(['sha256sum'], { input })).stdout).toContain(sum);
      }
      // a program that does not read it is no failure, and its source is let go
      for (const input of [bytes, Readable.from(piecesOf(bytes), { objectMode: false })]) {
        expect((await host().run(['true'], { input })).exitCode).toBe(0);
        if (input instanceof Readable) await expect.poll(() => input.destroyed).toBe(true);
      }
    });

    it('gives much output', async () => {
      const { stdout } = await sh('head -c 20000000 /dev/zero | tr "\\0" x');
      expect(stdout.length).toBe(20_000_000);
    });

    it('gives a small, fixed environment, and a folder', async () => {
      const { stdout } = await host().run(['env'], { env: { EXTRA: '1', HOME: '/elsewhere' } });
      const names = stdout.split('\n').map((line) => line.split('=')[0]);
      expect(names.sort()).toEqual(['EXTRA', 'HOME', 'LC_ALL', 'PATH', 'TERM']);
      expect(stdout).toMatch(/^HOME=\/elsewhere$/m);
      expect((await host().run(['pwd'], { cwd: at('.').slice(0, -2) })).stdout).toBe(at('.').slice(0, -2));
      await expect(host().run(['pwd'], { cwd: at('none') })).rejects.toThrow(KnestError);
    });

    it('runs many at the same time', async () => {
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, index) => sh(`cat; exit 0`, { input: `${index}` })),
      );
      expect(results.map(({ stdout }) => Number(stdout))).toEqual(results.map((_, index) => index));
    });
  });

  describe('spawn', () => {
    it('hands out the streams of a program as it runs', async () => {
      const program = await host().spawn([
        'sh',
        '-c',
        'while read line; do echo "got $line"; done; echo end >&2; exit 7',
      ]);
      expect(await identifyProcess(host(), program.pid)).toBeDefined();
      const [stdout, stderr] = [buffer(program.stdout), buffer(program.stderr)];
      program.stdin.write('one\n');
      await sleep(20);
      program.stdin.end('two\n');
      expect((await stdout).toString()).toBe('got one\ngot two\n');
      expect((await stderr).toString()).toBe('end\n');
      expect(await program.exited).toBe(7);
      program.kill('SIGKILL');
    });

    it('carries tens of megabytes through, waiting for who reads', async () => {
      const bytes = randomBytes(24 << 20);
      const program = await host().spawn(['cat']);
      Readable.from(piecesOf(bytes), { objectMode: false }).pipe(program.stdin);
      await sleep(300);
      const back = await buffer(program.stdout);
      program.stderr.resume();
      expect(back.equals(bytes)).toBe(true);
      expect(await program.exited).toBe(0);
    });

    it('lets go of a program whose output nobody wants', async () => {
      const program = await host().spawn(['sh', '-c', 'exec yes']);
      program.stderr.resume();
      program.stdout.once('data', () => program.stdout.destroy());
      await expect.poll(() => identifyProcess(host(), program.pid)).toBeUndefined();
    });

    it('ends with the program all that it has started', async () => {
      const controller = new AbortController();
      for (const end of [
        (kill: (name: NodeJS.Signals) => void) => {
          kill('SIGTERM');
        },
        () => {
          controller.abort();
        },
      ]) {
        const program = await host().spawn(['sh', '-c', 'sleep 600 & echo $!; wait'], {
          signal: controller.signal,
        });
        program.stderr.resume();
        const child = Number(await new Promise((resolve) => program.stdout.once('data', resolve)));
        expect(await identifyProcess(host(), child)).toBeDefined();
        end(program.kill);
        expect(await program.exited).toBe(143);
        await expect.poll(() => identifyProcess(host(), child)).toBeUndefined();
      }
      await expect(host().spawn(['true'], { signal: controller.signal })).rejects.toThrow();
    });
  });
}

async function failure(run: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CommandError)) throw new Error('no CommandError', { cause: error });
  return error;
}
