import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import { hostContract } from './contract.ts';

const host = localHost();
let folder: string;

hostContract('local', async () => ({
  host,
  folder: await mkdtemp(join(tmpdir(), 'knest-contract-')),
  real: true,
}));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-host-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('run', () => {
  it('keeps the environment of knest from programs', async () => {
    process.env['KNEST_TEST_SECRET'] = 'secret';
    try {
      const { stdout } = await host.run(['env']);
      expect(stdout).not.toContain('secret');
      expect(stdout).toMatch(/^LC_ALL=C\.UTF-8$/m);
      expect(stdout).toMatch(/PATH=\S*\/usr\/sbin/);
    } finally {
      delete process.env['KNEST_TEST_SECRET'];
    }
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
  it('have their mode whatever the umask, and so have parents', async () => {
    const before = process.umask(0o077);
    try {
      for (const mode of [0o600, 0o644, 0o755]) {
        const path = join(folder, `file-${mode}`);
        await host.writeFile(path, 'text', mode);
        expect((await stat(path)).mode & 0o7777).toBe(mode);
      }
    } finally {
      process.umask(before);
    }
    expect((await readdir(folder)).length).toBe(3);
  });

  it('replace older ones as new files', async () => {
    const path = join(folder, 'file');
    await host.writeFile(path, 'old', 0o644);
    const reader = await stat(path);
    await host.writeFile(path, new Uint8Array([0x6e, 0x65, 0x77]), 0o600);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).ino).not.toBe(reader.ino);
  });
});

async function stateOf(pid: number): Promise<string> {
  await sleep(1);
  const text = await host.readFile(`/proc/${pid}/stat`);
  // a zombie that nobody waits for has ended as well
  return text === undefined || /\) Z /.test(text) ? 'gone' : 'running';
}
