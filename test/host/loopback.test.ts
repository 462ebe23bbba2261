import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { KnestError } from '../../src/errors.ts';
import { localHost } from '../../src/host/local.ts';
import { loopbackHost } from '../../src/host/loopback.ts';
import { identifyProcess } from '../../src/host/process.ts';
import { hostContract } from './contract.ts';

hostContract('loopback', async () => {
  const host = loopbackHost();
  const folder = await mkdtemp(join(tmpdir(), 'knest-loopback-'));
  return { host, folder, real: true, end: () => host.close() };
});

describe('loopbackHost', () => {
  it('fails whatever is under way, and whatever comes, when its other end has gone', async () => {
    const host = loopbackHost('server2');
    const { pid } = await host.identity();
    expect(pid).not.toBe(process.pid);
    const program = await host.spawn(['sleep', '600']);
    const underWay = [
      host.run(['sleep', '600']),
      program.exited,
      once(program.stdout, 'end'),
      once(host.readStream('/dev/zero').resume(), 'end'),
    ];
    const results = Promise.allSettled(underWay);
    process.kill(pid, 'SIGKILL');
    for (const result of [...(await results), ...(await Promise.allSettled([host.stat('/')]))]) {
      expect(result).toMatchObject({ status: 'rejected' });
      const reason: unknown = result.status === 'rejected' && result.reason;
      expect(reason).toBeInstanceOf(KnestError);
      expect(String(reason)).toContain('the connection to server2 has ended');
    }
    await expect.poll(() => identifyProcess(localHost(), program.pid)).toBeUndefined();
    await host.close();
  });

  it('ends with all that it has started when it is closed', async () => {
    const host = loopbackHost();
    const { pid } = await host.identity();
    const program = await host.spawn(['sh', '-c', 'sleep 600 & echo $!; wait']);
    const child = Number(await new Promise((resolve) => program.stdout.once('data', resolve)));
    await host.close();
    for (const each of [pid, program.pid, child]) {
      await expect.poll(() => identifyProcess(localHost(), each)).toBeUndefined();
    }
    await expect(host.stat('/')).rejects.toThrow('has ended');
  });

  it('ends with all that it has started when knest is killed', async () => {
    const script = `
      import { loopbackHost } from ${JSON.stringify(join(import.meta.dirname, '../../src/host/loopback.ts'))};
      const host = loopbackHost();
      const { pid } = await host.identity();
      const program = await host.spawn(['sh', '-c', 'sleep 600 & echo $!; wait']);
      program.stdout.once('data', (child) => console.log(pid, program.pid, Number(child)));`;
    const knest = spawn('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(knest.stdout, 'data')) as [Buffer];
    const pids = line.toString().trim().split(' ').map(Number);
    for (const pid of pids) expect(await identifyProcess(localHost(), pid)).toBeDefined();
    knest.kill('SIGKILL');
    for (const pid of pids) await expect.poll(() => identifyProcess(localHost(), pid)).toBeUndefined();
  }, 20_000);

  it('keeps no process alive that has nothing more to do', () => {
    const script = `
      import { loopbackHost } from ${JSON.stringify(join(import.meta.dirname, '../../src/host/loopback.ts'))};
      const host = loopbackHost();
      console.log((await host.stat('/')).kind);`;
    const output = execFileSync('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../..'),
      timeout: 15_000,
    });
    expect(output.toString()).toBe('directory\n');
  }, 20_000);
});
