import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../src/cli/completion.ts';
import { runCli } from './run-cli.ts';

const api = {
  listClusters: () => Promise.resolve([{ name: 'one' }, { name: 'other' }] as never),
  listNodeNames: () => Promise.resolve(['one-control-plane', 'one-worker']),
};

/** The values offered after the words; the last word is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout, exitCode } = await runCli(['complete', '--', ...words], { api });
  expect(exitCode).toBe(0);
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0] ?? '']));
}

describe('complete', () => {
  it.each([
    [['cr'], ['create']],
    [
      ['delete', 'c'],
      ['cluster', 'clusters'],
    ],
    [
      ['create', 'cluster', '--node'],
      ['--nodes', '--node-subnet'],
    ],
    [['create', 'cluster', '--nodes', ''], []],
    [
      ['create', 'cluster', '--manager', ''],
      ['auto', 'systemd', 'direct'],
    ],
    [['create', 'cluster', '--manager=s'], ['--manager=systemd']],
    [['create', 'cluster', '--manager', '=', 's'], ['systemd']],
    [
      ['create', 'cluster', '--manager', '='],
      ['auto', 'systemd', 'direct'],
    ],
    [['create', 'cluster', '--config', ''], [':files']],
    [
      ['create', 'cluster', '--source', 'd'],
      ['debian', ':files'],
    ],
    [
      ['delete', 'cluster', '--name', 'o'],
      ['one', 'other'],
    ],
    [['delete', 'clusters', 'one', 'ot'], ['other']],
    [['--progress', 'p'], ['plain']],
    [
      ['exec', ''],
      ['one-control-plane', 'one-worker'],
    ],
    [['exec', '-t', 'one-control-plane', '--', '-'], []],
    [['exec', '--all', '--', ''], []],
    [
      ['exec', '--role', ''],
      ['control-plane', 'worker'],
    ],
    [
      ['logs', 'one'],
      ['one-control-plane', 'one-worker'],
    ],
    [['logs', 'one-worker,'], ['one-worker,one-control-plane']],
    [['stop', 'node', 'one-worker', 'one-c'], ['one-control-plane']],
    [['delete', 'node', '--name', 'ot'], ['other']],
    [['add', 'node', '--role=w'], ['--role=worker']],
    [['load', 'image-archive', '--nodes', 'one-worker,one-c'], ['one-worker,one-control-plane']],
    [['load', 'image-archive', '--', ''], [':files']],
    [['load', 'image-archive', 'a.tar', ''], [':files']],
    [['get', 'nodes', '-o', 'j'], ['json']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['version', 'x'], []],
  ])('%j: %j', async (words, expected) => {
    expect(await offered(...words)).toEqual(expected);
  });

  it('offers the first words, but not itself', async () => {
    const words = await offered('');
    expect(words).toContain('doctor');
    expect(words).not.toContain('complete');
  });

  it('does not fail where clusters cannot be listed', async () => {
    const failing = { listClusters: () => Promise.reject(new Error('no')) };
    expect(await runCli(['complete', '--', 'delete', 'cluster', '--name', ''], { api: failing })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });
});

describe('the bash script', () => {
  it('asks with the words as they are and runs nothing that was typed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-completion-'));
    try {
      const stub = `#!/bin/sh\nprintf '%s|' "$@" >${folder}/asked\nprintf 'one\\tfirst\\none-more\\t\\n:files\\n'\n`;
      await writeFile(join(folder, 'knest'), stub, { mode: 0o755 });
      await writeFile(join(folder, 'oned.tar'), '');
      const script = [
        completionScript('bash'),
        'compopt() { :; }', // only works while completing
        `COMP_WORDS=(knest exec '$(touch injected)' o); COMP_CWORD=3; _knest`,
        'printf "%s\\n" "${COMPREPLY[@]}"; cat asked',
      ].join('\n');
      const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
      const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script], { cwd: folder, env });
      expect(stdout).toBe('one\none-more\noned.tar\ncomplete|--|exec|$(touch injected)|o|');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
