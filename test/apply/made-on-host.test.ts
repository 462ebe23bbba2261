import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { destroyMachine, makeAskedFor } from '../../src/apply/made-on-host.ts';
import { localHost } from '../../src/host/local.ts';
import type { PlannedBind } from '../../src/plan/types.ts';
import { machineOf, planOf } from '../fixtures/cluster.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-made-'));
});
afterEach(() => rm(folder, { recursive: true }));

const host = localHost();

function machine(...binds: readonly (Pick<PlannedBind, 'make'> & { at: string })[]) {
  return {
    ...machineOf(planOf()),
    folder: `${folder}/machine`,
    binds: binds.map(({ at, make }) => ({
      source: `${folder}/${at}`,
      target: '/x',
      ...(make ? { make } : {}),
    })),
  };
}

async function destroy(one: ReturnType<typeof machine>, staying: ReturnType<typeof machine>[] = []) {
  const manager = fakeManager(
    {},
    { destroy: ({ folder: own }) => rm(own, { recursive: true, force: true }) },
  );
  await destroyMachine(host, manager, one, staying);
  return (await readdir(folder)).sort();
}

describe('what mounts ask for', () => {
  it('is made where it is missing, and only that', async () => {
    await mkdir(`${folder}/there`, { mode: 0o700 });
    const one = machine(
      { at: 'there', make: 'directory' },
      { at: 'deep/er', make: 'directory' },
      { at: 'file', make: 'file' },
      { at: 'not-asked' },
    );
    expect(await makeAskedFor(host, one)).toEqual([`${folder}/deep/er`, `${folder}/file`]);
    expect((await stat(`${folder}/there`)).mode & 0o777).toBe(0o700);
    expect((await stat(`${folder}/file`)).size).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(['deep', 'file', 'machine', 'there']);
    // again is harmless
    expect(await makeAskedFor(host, one)).toEqual([]);
  });

  it('goes with the machine, parents included, as far as it is empty', async () => {
    await mkdir(`${folder}/there`);
    const one = machine(
      { at: 'there', make: 'directory' },
      { at: 'empty/deep', make: 'directory' },
      { at: 'full/deep', make: 'directory' },
      { at: 'text', make: 'file' },
      { at: 'nothing', make: 'file' },
    );
    await makeAskedFor(host, one);
    await writeFile(`${folder}/full/deep/data`, 'x');
    await writeFile(`${folder}/text`, 'x');
    expect(await destroy(one)).toEqual(['full', 'text', 'there']);
  });

  it('stays while another machine has it', async () => {
    const one = machine({ at: 'shared', make: 'directory' });
    const other = {
      ...machine({ at: 'shared', make: 'directory' }),
      name: 'other',
      folder: `${folder}/second`,
    };
    await makeAskedFor(host, one);
    await makeAskedFor(host, other);
    expect(await destroy(one, [other])).toContain('shared');
  });
});
