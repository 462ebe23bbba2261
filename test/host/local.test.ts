import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CommandError } from '../../src/errors.ts';
import { localHost } from '../../src/host/local.ts';

const host = localHost();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-host-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('run', () => {
  it('gives exit code and output, without the newline at its end', async () => {
    const result = await sh('echo out; echo; echo err >&2');
    expect(result).toEqual({ exitCode: 0, stdout: 'out\n', stderr: 'err' });
  });

  // "sh" runs as it is, "bash" behind setpriv, which has its own ways to fail
  it.each(['sh', 'bash'])('throws for an exit code that is not expected (%s)', async (shell) => {
    const error = await failure(host.run([shell, '-c', 'echo why >&2; exit 3']));
    expect(error).toMatchObject({
      exitCode: 3,
      details: ['why'],
      argv: [shell, '-c', 'echo why >&2; exit 3'],
    });
    expect(error.message).toContain(`${shell} exited 3 on localhost`);
  });

  it('shows what a program that is silent on stderr said on stdout', async () => {
    expect((await failure(sh('echo only this; exit 1'))).details).toEqual(['only this']);
  });

  it.each([
    [[0, 3], 3],
    ['any', 9],
  ] as const)('takes exit codes %j as results', async (okExitCodes, code) => {
    expect((await host.run(['bash', '-c', `exit ${code}`], { okExitCodes })).exitCode).toBe(code);
    if (okExitCodes !== 'any') await expect(sh('exit 4', { okExitCodes })).rejects.toThrow('exited 4');
  });

  it.each(['no-such-program', '/no/such/program'])('tells that %s could not be run', async (program) => {
    const error = await failure(host.run([program], { okExitCodes: 'any' }));
    expect(error.exitCode).toBeUndefined();
    expect(error.message).toContain(`${program} could not be run`);
  });

  it.each(['sh', 'bash'])('kills a program that takes too long, and tells (%s)', async (shell) => {
    const started = Date.now();
    const error = await failure(host.run([shell, '-c', 'exec sleep 30'], { timeout: 100 }));
    expect(error.details).toEqual(['no result after 0.1 s']);
    expect(error.exitCode).toBeUndefined();
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('tells of a program that a signal ended', async () => {
    const error = await failure(sh('kill -KILL $$', { okExitCodes: 'any' }));
    expect(error.exitCode).toBeUndefined();
    expect(error.details.join()).toContain('SIGKILL');
  });

  it('passes on lines while the program runs', async () => {
    const lines: string[] = [];
    const running = sh('echo one; echo two >&2; sleep 0.5; echo three', {
      onLine: (line) => lines.push(line),
    });
    await expect.poll(() => lines, { timeout: 450 }).toEqual(['one', 'two']);
    const { stdout } = await running;
    expect(lines).toEqual(['one', 'two', 'three']);
    expect(stdout).toBe('one\nthree');
  });

  it.each([
    ['exit 5', /exited 5/],
    ['exec sleep 30', /could not be run/],
  ])('fails in the same way with lines: %s', async (script, message) => {
    const lines: string[] = [];
    const run = sh(`echo one; ${script}`, { onLine: (line) => lines.push(line), timeout: 300 });
    await expect(run).rejects.toThrow(message);
    expect(lines).toEqual(['one']);
  });

  it('stops when told to, with the reason', async () => {
    for (const onLine of [undefined, () => undefined]) {
      const controller = new AbortController();
      const pidFile = join(folder, 'pid');
      const run = sh(`echo $$ > ${pidFile}; exec sleep 30`, {
        signal: controller.signal,
        ...(onLine && { onLine }),
      });
      await expect.poll(() => host.readFile(pidFile)).toMatch(/\d+\n/);
      controller.abort(new Error('enough'));
      await expect(run).rejects.toThrow('enough');
      const pid = Number(await readFile(pidFile, 'utf8'));
      await expect.poll(() => host.stat(`/proc/${pid}`)).toBeUndefined();
      await rm(pidFile);
    }
  });

  it('gives input, or none', async () => {
    expect((await host.run(['cat'], { input: 'äöü\n\n' })).stdout).toBe('äöü\n');
    expect((await host.run(['cat'])).stdout).toBe('');
    const much = 'x'.repeat(1 << 20);
    expect((await host.run(['cat'], { input: much })).stdout.length).toBe(much.length);
    // a program that does not read it is no failure
    expect((await host.run(['true'], { input: much })).exitCode).toBe(0);
  });

  it('gives a small, fixed environment', async () => {
    process.env['KNEST_TEST_SECRET'] = 'secret';
    try {
      const { stdout } = await host.run(['env'], { env: { EXTRA: '1', HOME: '/elsewhere' } });
      const names = stdout
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0]);
      expect(names.sort()).toEqual(['EXTRA', 'HOME', 'LC_ALL', 'PATH', 'TERM']);
      expect(stdout).toMatch(/^HOME=\/elsewhere$/m);
      expect(stdout).toMatch(/^LC_ALL=C\.UTF-8$/m);
      expect(stdout).toMatch(/PATH=\S*\/usr\/sbin/);
    } finally {
      delete process.env['KNEST_TEST_SECRET'];
    }
  });

  it('starts in a folder', async () => {
    expect((await host.run(['pwd'], { cwd: folder })).stdout).toBe(folder);
  });

  it('ends programs with knest', async () => {
    const pidFile = join(folder, 'pid');
    const script = `
      import { localHost } from ${JSON.stringify(join(import.meta.dirname, '../../src/host/local.ts'))};
      void localHost().run(['bash', '-c', 'echo $$ > ${pidFile}; exec sleep 60']);
      setInterval(() => {}, 1000);
      import { existsSync } from 'node:fs';
      while (!existsSync(${JSON.stringify(pidFile)})) await new Promise((resolve) => setTimeout(resolve, 20));
      process.kill(process.pid, 'SIGKILL');`;
    expect(() =>
      execFileSync('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
        cwd: join(import.meta.dirname, '../..'),
        stdio: 'ignore',
      }),
    ).toThrow();
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => stateOf(pid)).toBe('gone');
  }, 15_000);
});

describe('files', () => {
  it('are written whole, with their mode whatever the umask, parents included', async () => {
    const before = process.umask(0o077);
    try {
      for (const mode of [0o600, 0o644, 0o755]) {
        const path = join(folder, 'a', `file-${mode}`);
        await host.writeFile(path, 'text', mode);
        expect((await stat(path)).mode & 0o7777).toBe(mode);
      }
    } finally {
      process.umask(before);
    }
    expect((await readdir(join(folder, 'a'))).length).toBe(3);
  });

  it('replace older ones as new files', async () => {
    const path = join(folder, 'file');
    await host.writeFile(path, 'old', 0o644);
    const reader = await stat(path);
    await host.writeFile(path, new Uint8Array([0x6e, 0x65, 0x77]), 0o600);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).ino).not.toBe(reader.ino);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('leave nothing behind when they cannot be written', async () => {
    await mkdir(join(folder, 'taken', 'x'), { recursive: true });
    await expect(host.writeFile(join(folder, 'taken'), 'text', 0o644)).rejects.toThrow();
    await expect(host.link('target', join(folder, 'taken'))).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['taken']);
  });

  it('that are missing are undefined, and only those', async () => {
    await host.writeFile(join(folder, 'file'), 'text', 0o644);
    expect(await host.readFile(join(folder, 'none'))).toBeUndefined();
    expect(await host.readFile(join(folder, 'file', 'below'))).toBeUndefined();
    await expect(host.readFile(folder)).rejects.toThrow('EISDIR');
    expect(await host.readFile(join(folder, 'file'))).toBe('text');
  });

  it('are told apart by kind; links are not followed', async () => {
    await host.writeFile(join(folder, 'file'), '12345', 0o640);
    await host.makeDirectory(join(folder, 'directory'), 0o750);
    await host.link('/no/such/target', join(folder, 'link'));
    expect(await host.stat(join(folder, 'file'))).toEqual({ kind: 'file', mode: 0o640, size: 5 });
    expect(await host.stat(join(folder, 'directory'))).toMatchObject({ kind: 'directory', mode: 0o750 });
    expect(await host.stat(join(folder, 'link'))).toMatchObject({ kind: 'link' });
    expect(await host.stat('/dev/null')).toMatchObject({ kind: 'other' });
    expect(await host.stat(join(folder, 'none'))).toBeUndefined();
  });

  it('are listed in order; a missing folder is empty', async () => {
    for (const name of ['b', 'a', '.hidden']) await writeFile(join(folder, name), '');
    expect(await host.list(folder)).toEqual(['.hidden', 'a', 'b']);
    expect(await host.list(join(folder, 'none'))).toEqual([]);
  });

  it('can be renamed', async () => {
    await host.writeFile(join(folder, 'a'), 'text', 0o644);
    await host.rename(join(folder, 'a'), join(folder, 'b'));
    expect(await readdir(folder)).toEqual(['b']);
  });
});

describe('links', () => {
  it('are made and replaced, also where a file was', async () => {
    const path = join(folder, 'a', 'link');
    for (const target of ['one', 'two']) {
      await host.link(target, path);
      expect(await readlink(path)).toBe(target);
    }
    await host.writeFile(join(folder, 'file'), 'text', 0o644);
    await host.link('three', join(folder, 'file'));
    expect(await readlink(join(folder, 'file'))).toBe('three');
    expect(await readdir(join(folder, 'a'))).toEqual(['link']);
  });
});

describe('makeDirectory', () => {
  it('makes parents, and sets the mode of one that is there', async () => {
    const before = process.umask(0o022);
    try {
      const path = join(folder, 'a', 'b');
      await host.makeDirectory(path, 0o700);
      await host.makeDirectory(path, 0o733);
      expect((await stat(path)).mode & 0o777).toBe(0o733);
      expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o755);
    } finally {
      process.umask(before);
    }
  });
});

describe('remove', () => {
  it('removes files, links and trees; nothing there is fine', async () => {
    await mkdir(join(folder, 'keep'));
    await writeFile(join(folder, 'keep', 'file'), '');
    await mkdir(join(folder, '-tree', 'read-only'), { recursive: true });
    await writeFile(join(folder, '-tree', 'read-only', 'file'), '');
    await chmod(join(folder, '-tree', 'read-only'), 0o755);
    await symlink(join(folder, 'keep'), join(folder, '-tree', 'link'));
    await symlink(join(folder, 'keep'), join(folder, 'link'));
    for (const name of ['-tree', 'link', 'none']) await host.remove(join(folder, name));
    expect(await readdir(folder)).toEqual(['keep']);
    expect(await readdir(join(folder, 'keep'))).toEqual(['file']);
  });

  it.skipIf(!canMount())('does not walk into what is mounted there', async () => {
    const tree = join(folder, 'tree');
    const mounted = join(tree, 'mounted');
    await mkdir(mounted, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', mounted]);
    try {
      await writeFile(join(mounted, 'precious'), '');
      await expect(host.remove(tree)).rejects.toThrow(CommandError);
      expect(await readdir(mounted)).toEqual(['precious']);
    } finally {
      execFileSync('umount', [mounted]);
    }
    await host.remove(tree);
    await expect(lstat(tree)).rejects.toThrow('ENOENT');
  });
});

function sh(script: string, options?: Parameters<typeof host.run>[1]) {
  return host.run(['sh', '-c', script], options);
}

async function failure(run: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CommandError)) throw new Error('no CommandError', { cause: error });
  return error;
}

async function stateOf(pid: number): Promise<string> {
  await sleep(1);
  const text = await host.readFile(`/proc/${pid}/stat`);
  // a zombie that nobody waits for has ended as well
  return text === undefined || /\) Z /.test(text) ? 'gone' : 'running';
}

/** CAP_SYS_ADMIN, asked of the kernel. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}
