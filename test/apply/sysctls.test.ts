import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { raiseSysctls, restoreSysctls } from '../../src/apply/sysctls.ts';
import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';
import type { PlannedSysctl } from '../../src/plan/types.ts';

let folder: string;
let paths: { state: string; cache: string };
/** Stands for the kernel; keys with dots. */
let kernel: Map<string, string>;
let writes: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-sysctls-'));
  paths = { state: join(folder, 'state'), cache: join(folder, 'cache') };
  kernel = new Map([
    ['kernel.panic', '0'],
    ['fs.inotify.max_user_instances', '128'],
  ]);
  writes = [];
});

afterEach(() => rm(folder, { recursive: true }));

describe('raiseSysctls and restoreSysctls', () => {
  it('give the host back as it was, and leave no record', async () => {
    await raiseSysctls(host(), paths, [panic('0'), instances('8192')]);
    expect(Object.fromEntries(kernel)).toEqual({
      'kernel.panic': '10',
      'fs.inotify.max_user_instances': '8192',
    });
    await restoreSysctls(host(), paths);
    expect(Object.fromEntries(kernel)).toEqual({
      'kernel.panic': '0',
      'fs.inotify.max_user_instances': '128',
    });
    expect(await readdir(paths.state)).toEqual([]);
  });

  it('remember the first value when several clusters raise, also further', async () => {
    await raiseSysctls(host(), paths, [instances('8192')]);
    await raiseSysctls(host(), paths, [instances('16384')]);
    await restoreSysctls(host(), paths);
    expect(kernel.get('fs.inotify.max_user_instances')).toBe('128');
  });

  it('keep what somebody else has set meanwhile', async () => {
    await raiseSysctls(host(), paths, [panic('0'), instances('8192')]);
    kernel.set('kernel.panic', '60');
    await restoreSysctls(host(), paths);
    expect(kernel.get('kernel.panic')).toBe('60');
    expect(kernel.get('fs.inotify.max_user_instances')).toBe('128');
  });

  it('remember what somebody else has set when raising again', async () => {
    await raiseSysctls(host(), paths, [panic('0')]);
    kernel.set('kernel.panic', '60');
    await raiseSysctls(host(), paths, [panic('60')]);
    expect(kernel.get('kernel.panic')).toBe('10');
    await restoreSysctls(host(), paths);
    expect(kernel.get('kernel.panic')).toBe('60');
  });

  it.each([0, 1])('survive being killed after %i writes, raising again or not', async (survived) => {
    for (const again of [true, false]) {
      kernel.set('kernel.panic', '0').set('fs.inotify.max_user_instances', '128');
      await expect(raiseSysctls(host(survived), paths, [panic('0'), instances('8192')])).rejects.toThrow(
        'killed',
      );
      if (again) await raiseSysctls(host(), paths, [panic('0'), instances('8192')]);
      await restoreSysctls(host(), paths);
      expect(Object.fromEntries(kernel)).toEqual({
        'kernel.panic': '0',
        'fs.inotify.max_user_instances': '128',
      });
    }
  });

  it('survive being killed while raising further', async () => {
    await raiseSysctls(host(), paths, [instances('8192')]);
    await expect(raiseSysctls(host(0), paths, [instances('16384')])).rejects.toThrow('killed');
    await restoreSysctls(host(), paths);
    expect(kernel.get('fs.inotify.max_user_instances')).toBe('128');
  });

  it('survive being killed while restoring', async () => {
    await raiseSysctls(host(), paths, [panic('0'), instances('8192')]);
    await expect(restoreSysctls(host(1), paths)).rejects.toThrow('killed');
    await restoreSysctls(host(), paths);
    expect(Object.fromEntries(kernel)).toEqual({
      'kernel.panic': '0',
      'fs.inotify.max_user_instances': '128',
    });
  });

  it('touch nothing when there is nothing to do', async () => {
    await raiseSysctls(host(), paths, []);
    await restoreSysctls(host(), paths);
    expect(writes).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('work side by side', async () => {
    await Promise.all([
      raiseSysctls(host(), paths, [panic('0')]),
      raiseSysctls(host(), paths, [instances('8192')]),
    ]);
    const record = JSON.parse(await readFile(join(paths.state, 'host/sysctls.json'), 'utf8')) as object;
    expect(Object.keys(record).sort()).toEqual(['fs.inotify.max_user_instances', 'kernel.panic']);
  });

  it('refuse to guess from a damaged record', async () => {
    await raiseSysctls(host(), paths, [panic('0')]);
    await writeFile(join(paths.state, 'host/sysctls.json'), '{"kernel.panic"');
    await expect(restoreSysctls(host(), paths)).rejects.toMatchObject({
      hint: expect.stringContaining('rm ') as string,
    });
    expect(kernel.get('kernel.panic')).toBe('10');
  });
});

function panic(from: string): PlannedSysctl {
  return { key: 'kernel.panic', from, to: '10', why: 'test' };
}

function instances(to: string): PlannedSysctl {
  return { key: 'fs.inotify.max_user_instances', from: '128', to, why: 'test' };
}

/** This machine, with a kernel of its own. @param survived writes until knest is "killed" */
function host(survived = Number.POSITIVE_INFINITY): Host {
  const local = localHost();
  const keyOf = (path: string) => path.replace('/proc/sys/', '').replaceAll('/', '.');
  const isSetting = (path: string) => kernel.has(keyOf(path));
  let count = 0;
  return {
    ...local,
    readFile: (path) =>
      isSetting(path) ? Promise.resolve(`${kernel.get(keyOf(path)) ?? ''}\n`) : local.readFile(path),
    run: (argv, options) => {
      const [program, path = ''] = argv;
      if (program !== 'tee' || !isSetting(path)) return local.run(argv, options);
      if (count >= survived) return Promise.reject(new Error('killed'));
      count += 1;
      writes.push(path);
      kernel.set(keyOf(path), (options?.input ?? '').trim());
      return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
    },
  };
}
