import { describe, expect, it, vi } from 'vitest';
import type { Check, ClusterSummary, CreateOptions } from '../../src/operations/types.ts';
import type { Api } from '../../src/cli/cli.ts';
import { KnestError } from '../../src/errors.ts';
import { runCli } from './run-cli.ts';

const created = {
  name: 'demo',
  context: 'knest-demo',
  kubeconfig: '/root/.kube/config',
  endpoint: 'https://10.90.0.2:6443',
  kubernetesVersion: 'v1.20.2',
  nodes: ['demo-control-plane'],
  seconds: 8.25,
};

const cluster: ClusterSummary = {
  name: 'demo',
  state: 'running',
  kubernetesVersion: 'v1.20.2',
  endpoint: 'https://10.90.0.2:6443',
  nodes: 1,
  created: new Date(Date.now() - 3.5 * 86_400_000).toISOString(),
};

describe('create cluster', () => {
  it('hands the spec to the library and says what to do next', async () => {
    const createCluster = vi.fn((options: CreateOptions) => {
      options.listener?.({ type: 'started', id: 'machine/a', title: 'Building the image' });
      options.listener?.({ type: 'done', id: 'machine/a', title: 'Building the image', seconds: 2 });
      return Promise.resolve(created);
    });
    const argv = [
      'create',
      'cluster',
      '--name',
      'demo',
      '--pod-subnet',
      '10.1.0.0/16',
      '--wait',
      '90s',
      '--yes',
    ];
    const ran = await runCli(argv, { api: { createCluster } });
    expect(ran).toMatchObject({ exitCode: 0, stdout: '' });
    expect(ran.stderr).toBe(
      [
        'Building the image ...',
        'Building the image: done (2.0s)',
        '',
        'Cluster "demo" is Ready after 8.3s: Kubernetes v1.20.2 at https://10.90.0.2:6443',
        '',
        '  knest kubectl --name demo -- get nodes',
        '  knest delete cluster --name demo',
        '',
      ].join('\n'),
    );
    expect(createCluster.mock.calls[0]?.[0]).toMatchObject({
      spec: { name: 'demo', network: { podSubnets: ['10.1.0.0/16'] } },
      wait: 90_000,
      retain: false,
      yes: true,
    });
  });

  it('waits five minutes unless told otherwise', async () => {
    const createCluster = vi.fn((options: CreateOptions) =>
      Promise.resolve({ ...created, seconds: options.wait ?? 0 }),
    );
    await runCli(['create', 'cluster'], { api: { createCluster } });
    expect(createCluster.mock.calls[0]?.[0].wait).toBe(300_000);
    const ran = await runCli(['create', 'cluster', '--wait', '0s'], { api: { createCluster } });
    expect(createCluster.mock.calls[1]?.[0].wait).toBe(0);
    expect(ran.stderr).toContain('Cluster "demo" is starting');
  });

  it.each([
    ['json', (text: string) => JSON.parse(text) as unknown, created],
    ['name', (text: string) => text, 'demo\n'],
    ['yaml', (text: string) => text.split('\n')[0], 'name: demo'],
  ] as const)('-o %s is all there is on stdout', async (format, read, expected) => {
    const api = { createCluster: () => Promise.resolve(created) };
    const ran = await runCli(['create', 'cluster', '-o', format, '-q'], { api });
    expect(read(ran.stdout)).toEqual(expected);
    expect(ran.stderr).toBe('');
  });

  it('reads the config from stdin and takes a relative directory of binaries', async () => {
    const createCluster = vi.fn((options: CreateOptions) =>
      Promise.resolve({ ...created, name: options.spec.name }),
    );
    const stdin = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\nname: from-stdin\n';
    await runCli(['create', 'cluster', '--config', '-', '--source', './bin'], {
      stdin,
      api: { createCluster },
    });
    expect(createCluster.mock.calls[0]?.[0].spec).toMatchObject({
      name: 'from-stdin',
      kubernetes: { source: { directory: `${process.cwd()}/bin` } },
    });
  });

  it('takes the release mirror from the environment; an empty variable is none', async () => {
    const createCluster = vi.fn((options: CreateOptions) =>
      Promise.resolve({ ...created, name: options.spec.name }),
    );
    vi.stubEnv('KNEST_RELEASE_MIRROR', 'http://127.0.0.1:8080/');
    await runCli(['create', 'cluster'], { api: { createCluster } });
    vi.stubEnv('KNEST_RELEASE_MIRROR', '');
    await runCli(['create', 'cluster'], { api: { createCluster } });
    vi.unstubAllEnvs();
    const mirrors = createCluster.mock.calls.map(([{ spec }]) => spec.kubernetes.releaseMirror);
    expect(mirrors).toEqual(['http://127.0.0.1:8080', undefined]);
  });

  it('tells all bad input at once and calls nothing', async () => {
    const ran = await runCli([
      'create',
      'cluster',
      '--name',
      'X',
      '--suite',
      '13',
      '--config',
      '/nowhere.yaml',
    ]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('--config: cannot be read: ENOENT');
    expect((await runCli(['create', 'cluster', '--config', '/'])).stderr).toContain('cannot be read: EISDIR');
    const endless = await runCli(['create', 'cluster', '--config', '/dev/zero']);
    expect(endless.stderr).toContain('/dev/zero:1:1  is larger than 1 MB');
    const both = await runCli(['create', 'cluster', '--name', 'X', '--suite', '13']);
    expect(both.stderr).toMatch(/2 problems\n {2}--name: .*\n {2}--suite: /);
  });

  it.each([
    ['CLUSTER_EXISTS', 5],
    ['HOST_UNFIT', 3],
    ['NOT_READY', 7],
    ['LOCKED', 6],
    ['COMMAND_FAILED', 1],
  ] as const)('exits with the code of what went wrong: %s', async (code, exitCode) => {
    const error = new KnestError('it went wrong', { code, hint: 'try this', details: ['last line'] });
    const ran = await runCli(['create', 'cluster'], { api: { createCluster: () => Promise.reject(error) } });
    expect(ran).toEqual({
      exitCode,
      stdout: '',
      stderr: 'Error: it went wrong\n  last line\nNext: try this\n',
    });
  });

  it('calls anything else a bug', async () => {
    const api = { createCluster: () => Promise.reject(new TypeError('x is undefined')) };
    const ran = await runCli(['create', 'cluster'], { api });
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toMatch(/^Error: this is a bug in knest: TypeError: x is undefined\nNext: .*--debug/);
    expect((await runCli(['create', 'cluster', '--debug'], { api })).stderr).toMatch(/^ {4}at /m);
  });

  it('tells errors as JSON when the story is JSON', async () => {
    const error = new KnestError('no', { code: 'CLUSTER_EXISTS' });
    const ran = await runCli(['create', 'cluster', '--progress=json'], {
      api: { createCluster: () => Promise.reject(error) },
    });
    expect(JSON.parse(ran.stderr)).toMatchObject({
      version: 1,
      type: 'error',
      error: { message: 'no', code: 'CLUSTER_EXISTS', kind: 'exists' },
    });
  });

  it('listens to signals only while there is something to clean up', async () => {
    const listeners = () => process.listenerCount('SIGTERM');
    const before = listeners();
    let during = 0;
    const stop = () => {
      during = listeners() - before;
      return Promise.reject(new KnestError('no', { code: 'CLUSTER_EXISTS' }));
    };
    await runCli(['plan', 'cluster'], { api: { planCluster: stop } });
    expect(during).toBe(0);
    await runCli(['create', 'cluster'], { api: { createCluster: stop } });
    expect(during).toBe(1);
    expect(listeners()).toBe(before);
  });

  it('stops on a signal, and exits as shells expect', async () => {
    const listeners = process.listenerCount('SIGTERM');
    const createCluster = ({ signal }: CreateOptions) =>
      new Promise<typeof created>((_, reject) => {
        signal?.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
        process.emit('SIGTERM', 'SIGTERM');
      });
    const ran = await runCli(['create', 'cluster'], { api: { createCluster } });
    expect(ran.exitCode).toBe(143);
    expect(ran.stderr).toMatch(/Warning: Interrupted.*\nError: Interrupted by SIGTERM\n$/);
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
  });
});

describe('get', () => {
  const api = {
    listClusters: () => Promise.resolve([cluster]),
  };

  it('clusters', async () => {
    const { stdout } = await runCli(['get', 'clusters'], { api });
    expect(stdout).toBe('NAME   STATE     NODES   VERSION   AGE\ndemo   running   1       v1.20.2   3d\n');
    expect((await runCli(['get', 'clusters', '-o', 'name'], { api })).stdout).toBe('demo\n');
    expect(JSON.parse((await runCli(['get', 'clusters', '-o', 'json'], { api })).stdout)).toEqual([cluster]);
  });

  it('no clusters: an empty result and a word about it', async () => {
    const none = { listClusters: () => Promise.resolve([]) };
    expect(await runCli(['get', 'clusters'], { api: none })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'There are no clusters.\n',
    });
    expect((await runCli(['get', 'clusters', '-o', 'json'], { api: none })).stdout).toBe('[]\n');
  });
});

describe('delete', () => {
  it('a cluster that is not there is no error', async () => {
    const api = { deleteCluster: () => Promise.resolve({ name: 'x', existed: false }) };
    const ran = await runCli(['delete', 'cluster', '--name', 'x'], { api });
    expect(ran).toEqual({ exitCode: 0, stdout: '', stderr: 'There is no cluster "x": nothing to delete.\n' });
  });

  it('goes on with the others when one fails', async () => {
    const deleteCluster = vi.fn(({ name }: { name: string }) =>
      name === 'bad'
        ? Promise.reject(new KnestError('busy', { code: 'LOCKED' }))
        : Promise.resolve({ name, existed: true }),
    );
    const ran = await runCli(['delete', 'clusters', 'bad', 'good'], { api: { deleteCluster } });
    expect(ran).toEqual({ exitCode: 6, stdout: '', stderr: 'Deleted: good.\nError: busy\n' });
  });
});

describe('programs in nodes', () => {
  it('exec gives exactly what follows "--" and passes the exit code', async () => {
    const execInNode = vi.fn<Api['execInNode']>(() => Promise.resolve(42));
    const ran = await runCli(['exec', 'n', '--', 'sh', '-c', 'exit 42', '--debug'], { api: { execInNode } });
    expect(ran.exitCode).toBe(42);
    expect(execInNode.mock.calls[0]?.[0]).toMatchObject({
      node: 'n',
      argv: ['sh', '-c', 'exit 42', '--debug'],
      tty: false,
    });
  });

  it.each([
    [true, [], true],
    [true, ['--no-tty'], false],
    [false, ['-t'], true],
  ])('a terminal: %s with %j: %s', async (tty, flags, expected) => {
    const execInNode = vi.fn<Api['execInNode']>(() => Promise.resolve(0));
    await runCli(['exec', ...flags, 'n', '--', 'ls'], { tty, api: { execInNode } });
    expect(execInNode.mock.calls[0]?.[0].tty).toBe(expected);
  });

  it('logs hands on what was asked', async () => {
    const nodeLogs = vi.fn<Api['nodeLogs']>(() => Promise.resolve(0));
    await runCli(['logs', 'n', '-u', 'kubelet', '-f', '-n', '20'], { api: { nodeLogs } });
    expect(nodeLogs.mock.calls[0]?.[0]).toMatchObject({
      node: 'n',
      unit: 'kubelet',
      follow: true,
      lines: 20,
    });
  });

  it('kubectl ends with the exit code of kubectl', async () => {
    const runKubectl = vi.fn<Api['runKubectl']>().mockResolvedValue(7);
    expect((await runCli(['kubectl', '--', 'get', 'pods'], { api: { runKubectl } })).exitCode).toBe(7);
    expect(runKubectl.mock.calls[0]?.[0]).toMatchObject({ name: 'knest', argv: ['get', 'pods'] });
  });
});

describe('doctor', () => {
  const checks: Check[] = [
    { name: 'root', sentence: 'knest runs as root.', verdict: 'ok' },
    {
      name: 'nspawn',
      sentence: 'systemd-nspawn is missing.',
      verdict: 'problem',
      fix: 'apt-get install systemd-container',
    },
  ];

  it('shows what to mend and exits 3', async () => {
    const ran = await runCli(['doctor'], { api: { doctor: () => Promise.resolve(checks) } });
    expect(ran.exitCode).toBe(3);
    expect(ran.stdout).toBe(
      '✓ knest runs as root.\n✗ systemd-nspawn is missing.\n    apt-get install systemd-container\n\n1 problem.\n',
    );
  });

  it('exits 0 when all is well', async () => {
    const ran = await runCli(['doctor'], { api: { doctor: () => Promise.resolve(checks.slice(0, 1)) } });
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stdout).toContain('ready for clusters');
  });
});
