import { describe, expect, it, vi } from 'vitest';
import type { DeleteNodesOptions, NodeExit, NodeLine } from '../../src/operations/types.ts';
import type { Api } from '../../src/cli/cli.ts';
import { KnestError } from '../../src/errors.ts';
import { node } from './node-fixture.ts';
import { runCli } from './run-cli.ts';

describe('get nodes', () => {
  const worker = {
    ...node,
    name: 'demo-worker',
    role: 'worker',
    status: 'Unknown',
    state: 'stopped',
    kubeletVersion: undefined,
    addresses: ['10.90.0.3', 'fd00:90::3'],
    podSubnets: ['10.91.1.0/24', 'fd00:91:0:1::/64'],
    ports: [
      { protocol: 'tcp', listenAddress: '127.0.0.1', hostPort: 8080, machinePort: 80 },
      { protocol: 'udp', listenAddress: undefined, hostPort: 5353, machinePort: 53 },
      { protocol: 'tcp', listenAddress: '::1', hostPort: 8443, machinePort: 443 },
    ],
    leader: undefined,
  } as const;
  const listNodes = vi.fn<Api['listNodes']>(() => Promise.resolve([node, worker]));

  it('tells the state of the machine and the status of the node', async () => {
    const { stdout } = await runCli(['get', 'nodes'], { api: { listNodes } });
    expect(stdout).toBe(`\
NAME                 CLUSTER   ROLE            STATE     STATUS    VERSION
demo-control-plane   demo      control-plane   running   Ready     v1.20.2
demo-worker          demo      worker          stopped   Unknown   <none>
`);
  });

  it('-o wide adds addresses, pod subnets, ports and the PID of the machine', async () => {
    const { stdout } = await runCli(['get', 'node', '-o', 'wide'], { api: { listNodes } });
    const [heading = '', , line = ''] = stdout.split('\n');
    expect(heading).toMatch(/VERSION +ADDRESS +POD SUBNET +PORTS +CONTAINER-RUNTIME +PID$/);
    expect(line).toMatch(
      /10\.90\.0\.3,fd00:90::3 +10\.91\.1\.0\/24,fd00:91:0:1::\/64 +\S+ +containerd:\/\/1\.7\.24 +<none>$/,
    );
    expect(line).toContain(' 127.0.0.1:8080->80/tcp,*:5353->53/udp,[::1]:8443->443/tcp ');
  });

  it('of one cluster or of all', async () => {
    listNodes.mockClear();
    await runCli(['get', 'nodes'], { api: { listNodes } });
    await runCli(['get', 'nodes', '-A'], { api: { listNodes } });
    expect(listNodes.mock.calls.map(([options]) => options?.name)).toEqual(['knest', undefined]);
  });
});

/** Nodes of which each prints what is scripted and ends with the exit code. */
function scripted(lines: readonly NodeLine[], exits: readonly NodeExit[]) {
  return vi.fn<Api['execInNodes']>(({ onLine }) => {
    for (const line of lines) onLine(line);
    return Promise.resolve([...exits]);
  });
}

describe('exec in several nodes', () => {
  const lines: NodeLine[] = [
    { node: 'n', stream: 'stdout', text: 'one' },
    { node: 'longer', stream: 'stdout', text: 'two' },
    { node: 'longer', stream: 'stderr', text: 'oh' },
    { node: 'n', stream: 'stdout', text: '' },
  ];
  const exits = [
    { node: 'n', exitCode: 3 },
    { node: 'longer', exitCode: 0 },
  ];

  it('begins lines with the name, keeps the streams apart, and exits with the highest code', async () => {
    const execInNodes = scripted(lines, exits);
    const ran = await runCli(['exec', 'n,longer', '--', 'ls', '-l'], { api: { execInNodes } });
    expect(ran).toEqual({
      exitCode: 3,
      stdout: 'n      | one\nlonger | two\nn      | \n',
      stderr: 'longer | oh\n',
    });
    expect(execInNodes.mock.calls[0]?.[0]).toMatchObject({ nodes: ['n', 'longer'], argv: ['ls', '-l'] });
  });

  it.each([
    [['--all'], { name: 'knest' }],
    [['--role', 'worker', '--name', 'demo'], { name: 'demo', role: 'worker' }],
  ])('%j: all that follows is the command', async (flags, expected) => {
    const execInNodes = scripted(lines, exits);
    const selectNodes = vi.fn<Api['selectNodes']>(() => Promise.resolve(['n', 'longer']));
    await runCli(['exec', ...flags, '--', 'ls', '--all'], { api: { execInNodes, selectNodes } });
    expect(selectNodes.mock.calls[0]?.[0]).toMatchObject(expected);
    expect(execInNodes.mock.calls[0]?.[0]).toMatchObject({ nodes: ['n', 'longer'], argv: ['ls', '--all'] });
  });

  it('prints plain lines with --no-prefix, and begins those of a single node with --prefix', async () => {
    const plain = await runCli(['exec', '--no-prefix', 'n,longer', '--', 'ls'], {
      api: { execInNodes: scripted(lines, []) },
    });
    expect(plain).toEqual({ exitCode: 0, stdout: 'one\ntwo\n\n', stderr: 'oh\n' });
    const single = await runCli(['exec', '--prefix', 'n', '--', 'ls'], {
      api: { execInNodes: scripted(lines.slice(0, 1), []) },
    });
    expect(single.stdout).toBe('n | one\n');
  });

  it('has a colour per node on a terminal, unless NO_COLOR says otherwise', async () => {
    const api = { execInNodes: scripted(lines, []) };
    const { stdout } = await runCli(['exec', 'n,longer', '--', 'ls'], { tty: true, api });
    expect(stdout).toBe(
      '\u001b[36mn      |\u001b[39m one\n\u001b[33mlonger |\u001b[39m two\n\u001b[36mn      |\u001b[39m \n',
    );
    const plain = await runCli(['exec', 'n,longer', '--', 'ls'], { tty: true, env: { NO_COLOR: '1' }, api });
    expect(plain.stdout).not.toContain('\u001b');
  });

  it('is ended by a signal without many words', async () => {
    const execInNodes: Api['execInNodes'] = ({ signal }) =>
      new Promise((resolve) => {
        signal?.addEventListener('abort', () => {
          resolve([{ node: 'n', exitCode: 143 }]);
        });
        process.emit('SIGINT', 'SIGINT');
      });
    const ran = await runCli(['exec', '--prefix', 'n', '--', 'sleep', '9'], { api: { execInNodes } });
    expect(ran).toEqual({ exitCode: 130, stdout: '', stderr: '' });
  });
});

describe('logs of several nodes', () => {
  it('hands on what was asked', async () => {
    const nodesLogs = vi.fn<Api['nodesLogs']>(() => Promise.resolve([{ node: 'a', exitCode: 0 }]));
    const selectNodes = () => Promise.resolve(['a', 'b']);
    const ran = await runCli(['logs', '--role', 'worker', '-u', 'kubelet', '-f', '-n', '5'], {
      api: { nodesLogs, selectNodes },
    });
    expect(ran.exitCode).toBe(0);
    expect(nodesLogs.mock.calls[0]?.[0]).toMatchObject({
      nodes: ['a', 'b'],
      unit: 'kubelet',
      follow: true,
      lines: 5,
    });
  });
});

describe('power of nodes', () => {
  it.each(['stop', 'start', 'restart'] as const)('%s takes several names', async (verb) => {
    const call = vi.fn<Api['stopNodes']>(() => Promise.resolve());
    const api = { stopNodes: call, startNodes: call, restartNodes: call };
    const ran = await runCli([verb, 'node', 'a', 'b,c'], { api });
    expect(ran).toMatchObject({ exitCode: 0, stdout: '' });
    expect(ran.stderr).toContain('ed: a, b, c.');
    expect(call.mock.calls[0]?.[0]).toMatchObject({ nodes: ['a', 'b', 'c'] });
  });

  it('force and wait are handed on', async () => {
    const stopNodes = vi.fn<Api['stopNodes']>(() => Promise.resolve());
    const startNodes = vi.fn<Api['startNodes']>(() => Promise.resolve());
    const restartCluster = vi.fn<Api['restartCluster']>(() => Promise.resolve());
    const api = { stopNodes, startNodes, restartCluster };
    await runCli(['stop', 'nodes', 'a', '--force'], { api });
    await runCli(['start', 'node', 'a', '--wait', '0s'], { api });
    const ran = await runCli(['restart', 'cluster', '--name', 'demo', '--wait', '9s'], { api });
    expect(stopNodes.mock.calls[0]?.[0]).toMatchObject({ force: true });
    expect(startNodes.mock.calls[0]?.[0]).toMatchObject({ wait: 0 });
    expect(restartCluster.mock.calls[0]?.[0]).toMatchObject({ name: 'demo', wait: 9000 });
    expect(ran.stderr).toBe('Cluster "demo" is restarted.\n');
  });
});

describe('add node', () => {
  const added = { name: 'demo', nodes: ['demo-worker2', 'demo-worker3'], seconds: 6.25 };

  it('hands on what the nodes are to be like', async () => {
    const addNodes = vi.fn<Api['addNodes']>(() => Promise.resolve(added));
    const argv = [
      ...['add', 'node', '--name', 'demo', '--count', '2', '--suite', 'bookworm', '--memory', '2Gi'],
      ...['--label', 'disk=ssd', 'example.org/tier=', '--taint', 'dedicated=db:NoSchedule', '--cpus', '1.5'],
      ...['--taint', 'gpu:NoExecute', '--kubernetes-version', '1.20.2', '--wait', '10s', '--yes'],
      ...['--io-weight', '50'],
    ];
    const ran = await runCli(argv, { api: { addNodes } });
    expect(ran).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'demo-worker2, demo-worker3 are Ready after 6.3s, in cluster "demo".\n',
    });
    expect(addNodes.mock.calls[0]?.[0]).toMatchObject({
      ...{ name: 'demo', role: 'worker', count: 2, wait: 10_000, retain: false, yes: true },
      changes: {
        labels: { disk: 'ssd', 'example.org/tier': '' },
        taints: [
          { key: 'dedicated', value: 'db', effect: 'NoSchedule' },
          { key: 'gpu', value: '', effect: 'NoExecute' },
        ],
        suite: 'bookworm',
        kubernetesVersion: 'v1.20.2',
        resources: { cpus: 1.5, memory: 2 * 1024 ** 3, ioWeight: 50 },
      },
    });
  });

  it('says nothing of what was not said', async () => {
    const addNodes = vi.fn<Api['addNodes']>(() => Promise.resolve(added));
    const ran = await runCli(['add', 'node', '--role', 'control-plane', '-o', 'name', '-q'], {
      api: { addNodes },
    });
    expect(ran).toEqual({ exitCode: 0, stdout: 'demo-worker2\ndemo-worker3\n', stderr: '' });
    expect(addNodes.mock.calls[0]?.[0]).toMatchObject({ role: 'control-plane', count: 1, changes: {} });
    expect(addNodes.mock.calls[0]?.[0].changes).toEqual({});
  });

  it('tells all bad input at once', async () => {
    const argv = [
      ...['add', 'node', '--label', 'disk', '--taint', 'a=b', '--taint', 'a=b:Never'],
      ...['--suite', '13', '--kubernetes-version', 'newest', '--cpus', '0', '--memory', '2GB'],
      ...['--io-weight', '0'],
    ];
    const ran = await runCli(argv);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr.split('\n').map((line) => line.trim().split(':')[0])).toEqual([
      ...[
        'Error',
        '--label',
        '--taint',
        '--taint',
        '--suite',
        '--kubernetes-version',
        '--cpus',
        '--memory',
        '--io-weight',
        '',
      ],
    ]);
  });
});

describe('delete node', () => {
  it('hands on each node once, and how patient to be', async () => {
    const deleteNodes = vi.fn((options: DeleteNodesOptions) =>
      Promise.resolve({ cluster: 'demo', nodes: options.nodes }),
    );
    const ran = await runCli(['delete', 'node', 'a,b', 'a', '--force', '--drain-timeout', '5s'], {
      api: { deleteNodes },
    });
    expect(ran).toEqual({ exitCode: 0, stdout: '', stderr: 'Deleted from cluster "demo": a, b.\n' });
    expect(deleteNodes.mock.calls[0]?.[0]).toMatchObject({
      nodes: ['a', 'b'],
      force: true,
      drainTimeout: 5000,
    });
    expect(deleteNodes.mock.calls[0]?.[0]).not.toHaveProperty('name');
  });

  it('says why not', async () => {
    const error = new KnestError('etcd would lose its quorum', { code: 'QUORUM_LOSS', hint: '--force' });
    const ran = await runCli(['delete', 'nodes', 'a', '--name', 'demo'], {
      api: { deleteNodes: () => Promise.reject(error) },
    });
    expect(ran).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'Error: etcd would lose its quorum\nNext: --force\n',
    });
  });
});
