import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { formatIdentity, identifyProcess, isAlive, parseIdentity } from '../../src/host/process.ts';
import { deadHolders, thisProcess } from '../fixtures/processes.ts';

describe('identifyProcess', () => {
  it('knows this process, and always as the same', async () => {
    expect(await thisProcess()).toEqual(await thisProcess());
    expect((await thisProcess()).startTime).toMatch(/^\d+$/);
  });

  it('counts fields behind a name with spaces and brackets', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-process-'));
    const program = join(folder, 'a) b (c');
    await copyFile('/bin/sleep', program);
    const child = spawn(program, ['60']);
    try {
      await once(child, 'spawn');
      const identity = await identifyProcess(localHost(), child.pid ?? 0);
      const me = await thisProcess();
      expect(Number(identity?.startTime)).toBeGreaterThan(Number(me.startTime));
      expect(identity && (await isAlive(localHost(), identity))).toBe(true);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rm(folder, { recursive: true });
    }
  });

  it('does not count a zombie as a process', async () => {
    const fields = Array.from({ length: 30 }, (_, index) => `${index}`).join(' ');
    const files = {
      '/proc/7/stat': `7 (sh) Z ${fields}`,
      '/proc/8/stat': `8 (sh) S ${fields}`,
      '/proc/sys/kernel/random/boot_id': 'boot\n',
    };
    expect(await identifyProcess(memoryHost({ files }), 7)).toBeUndefined();
    // field 22 counts from 1, and the third is the state
    expect(await identifyProcess(memoryHost({ files }), 8)).toEqual({
      pid: 8,
      startTime: '18',
      bootId: 'boot',
    });
  });

  it('takes a process that ends while it is looked at as gone', async () => {
    const host = memoryHost();
    const ended = Object.assign(new Error('read ESRCH'), { code: 'ESRCH' });
    const racing = {
      ...host,
      readFile: (path: string) => (path.endsWith('stat') ? Promise.reject(ended) : Promise.resolve('boot\n')),
    };
    expect(await identifyProcess(racing, 7)).toBeUndefined();
  });
});

describe('isAlive', () => {
  it('is about the very process', async () => {
    expect(await isAlive(localHost(), await thisProcess())).toBe(true);
    for (const [name, holder] of Object.entries(await deadHolders())) {
      expect(await isAlive(localHost(), holder), name).toBe(false);
    }
  });
});

describe('parseIdentity', () => {
  it('reads what formatIdentity writes', async () => {
    const me = await thisProcess();
    expect(parseIdentity(formatIdentity(me))).toEqual(me);
  });

  it.each(['', '\n', '12', '12 34', 'x 34 boot', '-1 34 boot'])('does not read %j', (text) => {
    expect(parseIdentity(text)).toBeUndefined();
  });
});
