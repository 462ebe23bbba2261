/** What every Host promises whatever the umask of the user who runs knest. */

import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Subject } from './contract.ts';

/** Umasks of users who run knest: nothing to anybody, little, everything. */
const umasks = [0o077, 0o027, 0o000];

export function umaskContract(name: string, open: () => Promise<Subject>): void {
  describe.each(umasks)(`${name}: with umask %o`, (umask) => {
    let subject: Subject;
    let before: number;
    beforeAll(async () => {
      // tests run in processes of their own, so that this is allowed
      before = process.umask(umask);
      subject = await open();
    });
    afterAll(async () => {
      await subject.host.remove(subject.folder);
      await subject.end?.();
      process.umask(before);
    });

    it('files and folders have the modes asked for, parents 0755', async () => {
      const { host, folder } = subject;
      const at = (path: string): string => `${folder}/${path}`;
      const bytes = (): Readable => Readable.from([Buffer.from('x')]);
      await host.writeFile(at('a/b/file'), 'x', 0o666);
      await host.writeStream(at('c/d/file'), bytes(), 0o664);
      await host.writeStream(at('e/f/file'), bytes(), 0o664, { append: true });
      await host.makeDirectory(at('g/h'), 0o1777);
      await host.link('target', at('i/j/link'));
      await host.put([
        { path: at('k/l/file'), content: 'x', mode: 0o666 },
        { path: at('m/n'), directory: true, mode: 0o770 },
        { path: at('o/p/link'), link: 'target' },
      ]);
      const modes = async (...paths: string[]): Promise<(number | undefined)[]> =>
        Promise.all(paths.map(async (path) => (await host.stat(at(path)))?.mode));
      const parents = ['a', 'a/b', 'c', 'c/d', 'e', 'e/f', 'g', 'i', 'i/j', 'k', 'k/l', 'm', 'o', 'o/p'];
      expect(await modes(...parents)).toEqual(parents.map(() => 0o755));
      expect(await modes('a/b/file', 'c/d/file', 'e/f/file', 'g/h', 'k/l/file', 'm/n')).toEqual([
        ...[0o666, 0o664, 0o664, 0o1777, 0o666, 0o770],
      ]);
    });

    if (name === 'memory') return;

    it('programs have umask 022, and fail as they do elsewhere', async () => {
      const { host, folder } = subject;
      for (const shell of ['sh', 'bash']) {
        expect((await host.run([shell, '-c', 'umask'])).stdout).toBe('0022');
        const failed = host.run([shell, '-c', 'exit 127']);
        await expect(failed).rejects.toMatchObject({ reason: 'exit', exitCode: 127 });
      }
      await host.run(['sh', '-c', 'mkdir -p "$0/made/in" && echo x > "$0/made/in/file"', folder]);
      expect((await host.stat(`${folder}/made/in`))?.mode).toBe(0o755);
      expect((await host.stat(`${folder}/made/in/file`))?.mode).toBe(0o644);
      const program = await host.spawn(['bash', '-c', 'umask; exit 3']);
      program.stdin.end();
      program.stderr.resume();
      expect((await buffer(program.stdout)).toString()).toBe('0022\n');
      expect(await program.exited).toBe(3);
      for (const start of [() => host.run(['no-such-program']), () => host.spawn(['no-such-program'])]) {
        await expect(start()).rejects.toMatchObject({ reason: 'notFound' });
      }
      const started = Date.now();
      const late = host.run(['sh', '-c', 'exec sleep 30'], { timeout: 300 });
      await expect(late).rejects.toMatchObject({ reason: 'timeout' });
      expect(Date.now() - started).toBeLessThan(5_000);
    });
  });
}
