import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { raiseSysctls, restoreSysctls } from '../../src/managers/sysctls.ts';
import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';
import type { PlannedSysctl } from '../../src/plan/types.ts';

let folder: string;
let record: string;
/** Stands for the kernel; keys with dots. */
let kernel: Map<string, string>;
let writes: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-sysctls-'));
  record = join(folder, 'run/sysctls.json');
  kernel = new Map([
    ['kernel.panic', '0'],
    ['fs.inotify.max_user_instances', '128'],
  ]);
  writes = [];
});

afterEach(() => rm(folder, { recursive: true }));

describe('raiseSysctls and restoreSysctls', () => {
  it('give the host back as it was, and leave no record', async () => {
    await raise(host(), [panic('0'), instances('8192')]);
    expect(Object.fromEntries(kernel)).toEqual({
      'kernel.panic': '10',
      'fs.inotify.max_user_instances': '8192',
    });
    await restore(host());
    expect(Object.fromEntries(kernel)).toEqual({
      'kernel.panic': '0',
      'fs.inotify.max_user_instances': '128',
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('keep them in a file of the host where there is one: written before the first change, removed with the record', async () => {
    const events: string[] = [];
    const file = {
      write: () => Promise.resolve(void events.push(`written at ${kernel.get('kernel.panic') ?? ''}`)),
      remove: () => Promise.resolve(void events.push(`removed at ${kernel.get('kernel.panic') ?? ''}`)),
    };
    await raiseSysctls(host(), join(folder, 'a'), [panic('0')], { record, file });
    await restoreSysctls(host(), join(folder, 'a'), { record, file });
    expect(events).toEqual(['written at 0', 'removed at 10']);
    expect(kernel.get('kernel.panic')).toBe('0');
  });

  it('remember the first value when several clusters raise, also further', async () => {
    await raise(host(), [instances('8192')]);
    await raise(host(), [instances('16384')]);
    await restore(host());
    expect(kernel.get('fs.inotify.max_user_instances')).toBe('128');
  });

  it('keep what somebody else has set meanwhile', async () => {
    await raise(host(), [panic('0'), instances('8192')]);
    kernel.set('kernel.panic', '60');
    await restore(host());
    expect(kernel.get('kernel.panic')).toBe('60');
    expect(kernel.get('fs.inotify.max_user_instances')).toBe('128');
  });

  it('remember what somebody else has set when raising again', async () => {
    await raise(host(), [panic('0')]);
    kernel.set('kernel.panic', '60');
    await raise(host(), [panic('60')]);
    expect(kernel.get('kernel.panic')).toBe('10');
    await restore(host());
    expect(kernel.get('kernel.panic')).toBe('60');
  });

  it.each([0, 1])('survive being killed after %i writes, raising again or not', async (survived) => {
    for (const again of [true, false]) {
      kernel.set('kernel.panic', '0').set('fs.inotify.max_user_instances', '128');
      await expect(raise(host(survived), [panic('0'), instances('8192')])).rejects.toThrow('killed');
      if (again) await raise(host(), [panic('0'), instances('8192')]);
      await restore(host());
      expect(Object.fromEntries(kernel)).toEqual({
        'kernel.panic': '0',
        'fs.inotify.max_user_instances': '128',
      });
    }
  });

  it('survive being killed while raising further', async () => {
    await raise(host(), [instances('8192')]);
    await expect(raise(host(0), [instances('16384')])).rejects.toThrow('killed');
    await restore(host());
    expect(kernel.get('fs.inotify.max_user_instances')).toBe('128');
  });

  it('survive being killed while restoring', async () => {
    await raise(host(), [panic('0'), instances('8192')]);
    await expect(restore(host(1))).rejects.toThrow('killed');
    await restore(host());
    expect(Object.fromEntries(kernel)).toEqual({
      'kernel.panic': '0',
      'fs.inotify.max_user_instances': '128',
    });
  });

  it('touch nothing when there is nothing to do', async () => {
    await raise(host(), []);
    await restore(host());
    expect(writes).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('work side by side', async () => {
    await Promise.all([raise(host(), [panic('0')]), raise(host(), [instances('8192')])]);
    const { settings } = JSON.parse(await readFile(record, 'utf8')) as { settings: object };
    expect(Object.keys(settings).sort()).toEqual(['fs.inotify.max_user_instances', 'kernel.panic']);
  });

  it('give back only when the last cluster is gone, of whichever state folder', async () => {
    await mkdir(join(folder, 'b'));
    await raise(host(), [panic('0')], 'a');
    // planned when the host was right already
    await raise(host(), [{ ...panic('10') }], 'b');
    await restore(host(), 'a');
    expect(kernel.get('kernel.panic')).toBe('10');
    await restore(host(), 'b');
    expect(kernel.get('kernel.panic')).toBe('0');
  });

  it('do not wait for a cluster whose folder was removed by hand', async () => {
    await raise(host(), [panic('0')], 'removed');
    await raise(host(), [panic('10')], 'a');
    await restore(host(), 'a');
    expect(kernel.get('kernel.panic')).toBe('0');
  });

  it('set what was given back between planning and raising', async () => {
    await raise(host(), [{ ...panic('10') }]);
    expect(kernel.get('kernel.panic')).toBe('10');
  });

  it('refuse to guess from a damaged record', async () => {
    await raise(host(), [panic('0')]);
    await writeFile(record, '{"kernel.panic"');
    await expect(raise(host(), [panic('0')])).rejects.toMatchObject({
      code: 'RECORD_DAMAGED',
      hint: expect.stringContaining('rm ') as string,
    });
    // deleting the last cluster must not fail for it, and leaves the settings and the file
    await restore(host());
    expect(await readFile(record, 'utf8')).toBe('{"kernel.panic"');
    expect(kernel.get('kernel.panic')).toBe('10');
  });
});

/** The folder stands for a cluster that exists. */
const raise = (on: Host, planned: readonly PlannedSysctl[], user = 'a'): Promise<void> =>
  raiseSysctls(on, join(folder, user), planned, { record });

const restore = (on: Host, user = 'a'): Promise<void> => restoreSysctls(on, join(folder, user), { record });

function panic(from: string): PlannedSysctl {
  return { key: 'kernel.panic', from, to: '10', rule: 'equal', why: 'test' };
}

function instances(to: string): PlannedSysctl {
  return { key: 'fs.inotify.max_user_instances', from: '128', to, rule: 'at-least', why: 'test' };
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
      kernel.set(keyOf(path), (typeof options?.input === 'string' ? options.input : '').trim());
      return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
    },
  };
}
