import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { InputError, loadSpec } from '../../src/api/index.ts';
import type { ClusterFields, StepEvent } from '../../src/api/index.ts';
import { specOf } from '../../src/api/spec.ts';
import { renderLock } from '../../src/spec/lock.ts';
import { someLock } from '../fixtures/lock.ts';

const problemsOf = async (options: ClusterFields): Promise<string[]> => {
  const error: unknown = await specOf(options).catch((thrown: unknown) => thrown);
  if (!(error instanceof InputError)) throw new Error(`no InputError: ${String(error)}`);
  return error.problems.map(({ path, message }) => `${path}: ${message}`);
};
const rolesOf = async (options: ClusterFields): Promise<string> =>
  (await specOf(options)).nodes.map(({ role }) => role.charAt(0)).join('');

describe('specOf', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-spec-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('without anything is one node with a random name', async () => {
    const [one, other] = [await specOf({}), await specOf({})];
    expect(one.name).toMatch(/^knest-\w{6}$/);
    expect(one.name).not.toBe(other.name);
    expect(one).toEqual(loadSpec({ flags: { name: one.name } }).spec);
  });

  it('counts nodes', async () => {
    expect(await rolesOf({ workers: 2 })).toBe('cww');
    expect(await rolesOf({ workers: 0 })).toBe('c');
    expect(await rolesOf({ controlPlanes: 3, workers: 1 })).toBe('cccw');
    expect(await rolesOf({ controlPlanes: 3 })).toBe('ccc');
    expect(await rolesOf({ nodes: 4, controlPlanes: 3 })).toBe('cccw');
  });

  it('reads a config, an object or a file, and fields win over it', async () => {
    const config = { name: 'shop', suite: 'bookworm', network: { ipFamily: 'dual' as const } };
    const spec = await specOf({ config, suite: 'trixie', workers: 1 });
    expect(spec).toMatchObject({ name: 'shop', image: { suite: 'trixie' }, network: { ipFamily: 'dual' } });
    const file = join(folder, 'kind.yaml');
    await writeFile(file, 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: from-kind\n');
    expect((await specOf({ config: file })).name).toBe('from-kind');
    expect((await specOf({ config: file, name: 'other' })).name).toBe('other');
  });

  it('makes paths of archives absolute', async () => {
    expect((await specOf({ images: ['a.tar'] })).images).toEqual([{ file: resolve('a.tar') }]);
  });

  it('goes by a lock that is named, and looks for none', async () => {
    const config = join(folder, 'cluster.yaml');
    const lock = join(folder, 'knest.lock');
    await writeFile(config, 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n');
    await writeFile(lock, renderLock(someLock()));
    expect((await specOf({ config })).image.lock).toBeUndefined();
    expect((await specOf({ config, lock })).image.lock).toEqual(someLock());
    expect(await problemsOf({ lock: join(folder, 'none') })).toEqual([
      expect.stringMatching(/^lock: cannot be read: .*ENOENT/),
    ]);
    await writeFile(lock, 'version: 1\n');
    expect(await problemsOf({ lock })).not.toEqual([]);
  });

  it('takes a spec as it is', async () => {
    const { spec } = loadSpec({ flags: { name: 'whole' } });
    expect(await specOf({ spec })).toBe(spec);
  });

  it('tells all problems at once, in the words of the options', async () => {
    const problems = await problemsOf({ name: 'Shop', kubernetesVersion: '1', controlPlanes: 0 });
    expect(problems.map((text) => text.split(':')[0])).toEqual([
      'name',
      'kubernetesVersion',
      'controlPlanes',
    ]);
    expect(await problemsOf({ nodes: 1, controlPlanes: 3 })).toEqual([
      'controlPlanes: 3 are more than the 1 of nodes, which counts all nodes',
    ]);
    expect(await problemsOf({ nodes: 2, workers: 1 })).toEqual([
      'workers: is there beside "nodes", which counts all of them',
    ]);
    expect(await problemsOf({ workers: -1 })).toEqual(['workers: -1 is not a whole number']);
    expect(await problemsOf({ workers: 1.5 })).toEqual(['workers: 1.5 is not a whole number']);
    expect(await problemsOf({ config: { nodes: [{ role: 'worker' }] } })).toEqual([
      'nodes: no control plane',
    ]);
    expect((await problemsOf({ config: join(folder, 'none.yaml') }))[0]).toMatch(
      /^config: cannot be read: ENOENT/,
    );
  });

  it('tells lines of a file, and none of an object', async () => {
    const file = join(folder, 'knest.yaml');
    await writeFile(file, 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\nnodes: [{ role: boss }]\n');
    await expect(specOf({ config: file })).rejects.toMatchObject({
      problems: [{ path: 'nodes[0].role', place: { file, line: 3, column: 11 } }],
    });
    const config = { nodes: [{ role: 'boss' as 'worker' }] };
    await expect(specOf({ config })).rejects.toMatchObject({
      details: ['nodes[0].role: must be "control-plane" or "worker", not "boss"'],
    });
  });

  it('tells remarks to the listener', async () => {
    const events: StepEvent[] = [];
    await specOf({ controlPlanes: 2 }, (event) => events.push(event));
    expect(events).toMatchObject([{ type: 'note', level: 'warning' }]);
    expect(events[0]).toHaveProperty('message', expect.stringMatching(/^controlPlanes: 2 control planes/));
  });
});
