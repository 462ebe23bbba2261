import { describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

describe('usage errors', () => {
  it.each([
    [['craete'], "error: unknown command 'craete'\n(Did you mean create?)"],
    [['create', 'clustr'], "error: unknown command 'clustr'\n(Did you mean cluster?)"],
    [['create', 'cluster', '--nam', 'x'], "error: unknown option '--nam'\n(Did you mean --name?)"],
    [['create', 'cluster', 'x'], 'error: too many arguments for'],
    [['create', 'cluster', '--name'], "error: option '-n, --name <name>' argument missing"],
    [['create', 'cluster', '--wait', '5'], 'Use a duration like 30s, 5m or 1h30m.'],
    [['create', 'cluster', '-o', 'wide'], 'Allowed choices are text, json, yaml, name.'],
    [['plan', 'cluster', '-o', 'dir:'], 'Allowed are text, json, mermaid and dir:PATH.'],
    [['--progress', 'loud', 'version'], 'Allowed choices are auto, tty, plain, json.'],
    [['exec'], "error: missing required argument 'node'"],
    [['exec', 'node'], "error: missing required argument 'command'"],
    [['exec', 'node', 'ls', '-la'], 'knest exec NODE -- COMMAND'],
    [['exec', '--all'], "error: missing required argument 'command'"],
    [['exec', 'a,,b', '--', 'ls'], 'use names separated by commas'],
    [['exec', '-t', 'a,b', '--', 'ls'], 'error: --tty is for a single node'],
    [['exec', '--role', 'master', '--', 'ls'], 'Allowed choices are control-plane, worker.'],
    [['logs'], "error: missing required argument 'node'"],
    [['logs', '--all', 'node'], 'error: either a node or --all or --role, not both'],
    [['stop', 'node'], "error: missing required argument 'nodes'"],
    [['stop', 'node', 'a,'], 'Use names separated by commas.'],
    [['delete', 'node', 'a', '--drain-timeout', '5'], 'Use a duration like 30s, 5m or 1h30m.'],
    [['add', 'node', '--count', '0'], "error: option '--count <number>' must be at least 1"],
    [['logs', 'node', '-n', '-3'], 'Use a whole number.'],
    [['load', 'image-archive'], "error: missing required argument 'files'"],
    [['load', 'image-archive', 'x.tar', '--nodes', 'a,,b'], 'Use names separated by commas.'],
    [['delete', 'clusters'], 'error: name the clusters, or say --all'],
    [['delete', 'clusters', 'a', '--all'], 'error: either names or --all, not both'],
    [['completion', 'csh'], 'Allowed choices are bash, zsh, fish.'],
  ])('%j', async (argv, message) => {
    const ran = await runCli(argv);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).not.toMatch(/^\s+at /m);
    expect(ran.stdout).toBe('');
    expect(ran.exitCode).toBe(2);
  });

  it('a group without a command shows its commands', async () => {
    const ran = await runCli(['create']);
    expect(ran).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ran.stderr).toContain('Usage: knest create');
  });
});

describe('help and version', () => {
  it('go to stdout and are no errors', async () => {
    expect(await runCli(['--version'])).toEqual({ exitCode: 0, stdout: 'knest 0.1.0\n', stderr: '' });
    const help = await runCli(['create', 'cluster', '--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain('--kubernetes-version <version>');
    expect(help.stdout).toContain('--progress <mode>');
  });

  it('help comes when nothing is asked', async () => {
    const ran = await runCli([]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ran.stdout).toContain('Usage: knest');
    expect(ran.stdout).not.toMatch(/^ {2}complete /m);
  });

  it('version as JSON', async () => {
    const { stdout } = await runCli(['version', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ knest: '0.1.0', node: process.version });
  });
});
