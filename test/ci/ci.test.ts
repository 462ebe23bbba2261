/** What others' CI gets: the action, the template and the script behind both. sudo, knest and tar are scripts here. */

import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '../..');
const script = join(root, 'ci/cluster.sh');
const run = promisify(execFile);
const read = async <T>(file: string): Promise<T> => parse(await readFile(join(root, file), 'utf8')) as T;

interface Action {
  inputs: Record<string, { description: string; default: string }>;
  runs: {
    using: string;
    steps: {
      id?: string;
      name: string;
      run?: string;
      uses?: string;
      shell?: string;
      env?: Record<string, string>;
    }[];
  };
}

describe('action.yml', () => {
  it('is a composite action whose steps are whole', async () => {
    const { runs } = await read<Action>('action.yml');
    expect(runs.using).toBe('composite');
    for (const { name, run: commands, uses, shell } of runs.steps) {
      expect(
        [commands, uses].filter((one) => one !== undefined),
        name,
      ).toHaveLength(1);
      // composite actions have no default shell
      expect(shell, name).toBe(commands === undefined ? undefined : 'bash');
      // what somebody writes into an input must not become a part of a script
      expect(commands ?? '', name).not.toContain('${{');
      if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w/-]+@v\d+$/);
    }
  });

  it('names only inputs and steps that there are', async () => {
    const text = await readFile(join(root, 'action.yml'), 'utf8');
    const { inputs, runs } = await read<Action>('action.yml');
    const named = (what: string) => [
      ...new Set([...text.matchAll(new RegExp(`\\b${what}\\.([\\w-]+)`, 'g'))].map(([, name]) => name)),
    ];
    expect(named('inputs').sort()).toEqual(Object.keys(inputs).sort());
    expect(named('steps').sort()).toEqual(runs.steps.flatMap(({ id }) => id ?? []).sort());
  });
});

it('both set only what the script reads', async () => {
  const known = await readFile(script, 'utf8');
  const action = await read<Action>('action.yml');
  const template = await read<{ '.knest': { variables: Record<string, string> } }>('ci/gitlab-ci.yml');
  const set = [
    ...action.runs.steps.flatMap(({ env }) => Object.keys(env ?? {})),
    ...Object.keys(template['.knest'].variables).filter((name) => name !== 'KNEST_CI_FOLDER'),
  ].filter((name) => name.startsWith('KNEST_CI_'));
  expect(set.length).toBeGreaterThan(5);
  expect(set.filter((name) => !known.includes(name))).toEqual([]);
});

describe('ci/cluster.sh', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-ci-'));
    const log = `echo "$(basename "$0") $*" >> ${folder}/log`;
    await install(
      'knest',
      `${log}\nwhile [ $# -gt 0 ]; do [ "$1" = --kubeconfig ] && : > "$2"; shift; done; exit 0`,
    );
    await install('sudo', `${log}\nshift\nexec "$@"`);
    // as anybody but root, for whom sudo is there
    await install('id', 'echo 1000');
    await install('chown', log);
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function install(name: string, text: string): Promise<void> {
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  }
  const cluster = (verb: string, env: Record<string, string> = {}) =>
    run('bash', [script, verb], {
      cwd: folder,
      env: { PATH: `${folder}:/usr/bin:/bin`, KNEST_CACHE_DIR: join(folder, 'cache'), ...env },
    });
  const logged = async () => (await readFile(join(folder, 'log'), 'utf8')).split('\n');

  it('creates the cluster that is asked for, and hands its kubeconfig on', async () => {
    const settings = { KNEST_CI_NAME: 'a b', KNEST_CI_CONFIG: 'my kind.yaml', KNEST_CI_WAIT: '9m' };
    await cluster('create', { ...settings, GITHUB_ENV: join(folder, 'env') });
    expect(await logged()).toContain(
      `knest create cluster --name a b --kubeconfig ${folder}/knest-kubeconfig --yes --config my kind.yaml --wait 9m`,
    );
    expect(await readFile(join(folder, 'env'), 'utf8')).toBe(`KUBECONFIG=${folder}/knest-kubeconfig\n`);
    expect(await logged()).toContain(`chown 1000:1000 ${folder}/knest-kubeconfig`);
  });

  it('keeps layers from one run to the next', async () => {
    expect((await cluster('restore')).stdout).toContain('no layers of an earlier run');
    await run('mkdir', ['-p', join(folder, 'cache/layers')]);
    await writeFile(join(folder, 'cache/layers/kubelet'), 'binary');
    await cluster('save');
    await rm(join(folder, 'cache'), { recursive: true });
    await cluster('restore');
    expect(await readFile(join(folder, 'cache/layers/kubelet'), 'utf8')).toBe('binary');
  });

  it('fails when the cluster does', async () => {
    await install('knest', 'exit 7');
    await expect(cluster('create')).rejects.toMatchObject({ code: 7 });
    await expect(cluster('explode')).rejects.toMatchObject({ code: 2 });
  });
});
