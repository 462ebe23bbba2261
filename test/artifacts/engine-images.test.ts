/** Container engines are programs: here scripts of their names, which answer as the real ones do. */

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findInEngines, saveFromEngine } from '../../src/artifacts/engine-images.ts';
import { InputError } from '../../src/errors.ts';
import { localHost } from '../../src/host/local.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { engineNames } from '../../src/spec/words.ts';
import { engineCommands } from '../../src/tools/container-engines.ts';

const id = `sha256:${'a'.repeat(64)}`;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-engines-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function install(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

const engines = (env: Record<string, string> = {}) => ({
  local: localHost(),
  env: { PATH: `${folder}:/usr/bin:/bin`, ...env },
});

/** docker with images of these names; `save` writes their names. */
const dockerWith = (...images: string[]) => `
case "$1 $2 $3" in
"image inspect "*) ;;
"image save "*) shift 2; echo "archive of $*"; exit 0 ;;
esac
case " ${images.join(' ')} " in
*" $3 "*) echo '[{"Id": "${id}", "RepoTags": []}]' ;;
*) echo '[]'; echo "Error: No such image: $3" >&2; exit 1 ;;
esac`;

async function problemsOf(work: Promise<unknown>): Promise<string[]> {
  try {
    await work;
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

it('the words and the commands are of the same engines', () => {
  expect(Object.keys(engineCommands)).toEqual([...engineNames]);
});

describe('looking for images', () => {
  it('takes each from the first engine that has it', async () => {
    await install('docker', dockerWith('app:1', 'both'));
    await install('podman', `echo '[{"Id": "${'b'.repeat(64)}"}]'`);
    const found = await findInEngines(engines(), ['app:1', 'both', 'web', 'both']);
    expect(found.map((one) => [one.name, one.engine.title, one.id])).toEqual([
      ['app:1', 'docker', id],
      ['both', 'docker', id],
      ['web', 'podman', `sha256:${'b'.repeat(64)}`],
    ]);
    const [only] = await findInEngines(engines(), ['both'], 'podman');
    expect(only?.engine.title).toBe('podman');
  });

  it('goes on where a daemon does not run, and hands the environment on', async () => {
    await install('docker', 'echo "Cannot connect to the Docker daemon at $DOCKER_HOST." >&2; exit 1');
    await install(
      'ctr',
      'test "$4" = "name==docker.io/library/app:latest" && echo docker.io/library/app:latest',
    );
    const env = { DOCKER_HOST: 'unix:///run/x.sock' };
    const [found] = await findInEngines(engines(env), ['app']);
    expect(found).toMatchObject({ engine: { title: 'containerd' } });
    expect(found?.id).toBeUndefined();
    expect(await problemsOf(findInEngines(engines(env), ['other', 'app', 'third']))).toEqual([
      expect.stringMatching(
        /^other: nobody has it \(docker: Cannot connect to .* at unix:\/\/\/run\/x\.sock\.; containerd: /,
      ),
      expect.stringMatching(/^third: nobody has it/),
    ]);
  });

  it('says so where there is no engine at all', async () => {
    expect(await problemsOf(findInEngines({ ...engines(), env: { PATH: folder } }, ['app']))).toEqual([
      'app: none of these is installed: docker, podman, nerdctl, containerd',
    ]);
  });

  it('asks the engines of the user behind sudo as that user', async () => {
    const local = memoryHost({
      answers: {
        docker: { exitCode: 1, stderr: 'no' },
        podman: { exitCode: 125, stderr: 'no' },
        nerdctl: { exitCode: 127 },
        ctr: {},
        'getent passwd ann': { stdout: 'ann:x:1001:1001::/home/ann:/bin/sh' },
        'runuser --user=ann -- env HOME=/home/ann XDG_RUNTIME_DIR=/run/user/1001 docker': { exitCode: 127 },
        'runuser --user=ann -- env HOME=/home/ann XDG_RUNTIME_DIR=/run/user/1001 podman': {
          stdout: JSON.stringify([{ Id: 'c'.repeat(64) }]),
        },
      },
    });
    const env = { SUDO_UID: '1001', SUDO_GID: '1001', SUDO_USER: 'ann' };
    const [found] = await findInEngines({ local, env }, ['localhost/app']);
    expect(found?.engine.title).toBe('podman of ann');
    expect(found?.engine.command(['podman', 'x'])).toEqual([
      ...['runuser', '--user=ann', '--', 'env', 'HOME=/home/ann', 'XDG_RUNTIME_DIR=/run/user/1001'],
      ...['podman', 'x'],
    ]);
  });
});

describe('an archive of an engine', () => {
  const signal = new AbortController().signal;

  it('has several images', async () => {
    await install('docker', dockerWith('a', 'b'));
    const [found] = await findInEngines(engines(), ['a']);
    if (!found) throw new Error('it is not there');
    const stream = saveFromEngine(engines(), found.engine, ['a', 'b'], signal);
    expect(await text(stream)).toBe('archive of a b\n');
  });

  it('that breaks off fails with what the engine says', async () => {
    await install(
      'docker',
      'test "$2" = inspect && echo \'[{"Id": "x"}]\' && exit; echo part; echo "no space" >&2; exit 3',
    );
    const [found] = await findInEngines(engines(), ['a']);
    if (!found) throw new Error('it is not there');
    await expect(text(saveFromEngine(engines(), found.engine, ['a'], signal))).rejects.toMatchObject({
      ...{ code: 'COMMAND_FAILED', message: 'docker could not write a', details: ['no space'] },
    });
  });
});
