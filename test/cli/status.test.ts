import { describe, expect, it } from 'vitest';
import type { ClusterStatus, EtcdMemberState } from '../../src/operations/types.ts';
import { node } from './node-fixture.ts';
import { runCli } from './run-cli.ts';

describe('status cluster', () => {
  const member: EtcdMemberState = {
    name: 'demo-control-plane',
    id: '8e9e05c52164694d',
    ok: true,
    healthy: true,
    detail: '',
    leader: true,
    learner: false,
    version: '3.5.16',
    dbSize: 3_250_585,
    raftTerm: 2,
    raftIndex: 411,
    alarms: [],
  };
  const status: ClusterStatus = {
    name: 'demo',
    state: 'running',
    endpoint: 'https://10.90.0.2:6443',
    server: 'https://127.0.0.1:16443',
    kubernetesVersion: 'v1.20.2',
    apiserver: { ok: true, detail: '' },
    apis: [
      { name: 'v1beta1.metrics.k8s.io', service: 'kube-system/knest-metrics', ok: true, detail: '' },
      { name: 'v1.example.org', service: 'shop/api', ok: false, detail: 'no endpoints' },
    ],
    apiAddress: '10.90.0.2',
    host: [{ says: 'rules are there', ok: true, detail: '' }],
    etcd: { quorum: true, members: [member] },
    nodes: [
      {
        ...node,
        ready: true,
        holdsApiAddress: true,
        ports: [{ protocol: 'tcp', listenAddress: '127.0.0.1', hostPort: 8080, machinePort: 80 }],
        units: [
          { name: 'etcd.service', active: 'active', sub: 'running', result: 'success', restarts: 0 },
          { name: 'kubelet.service', active: 'active', sub: 'running', result: 'success', restarts: 1 },
          {
            ...{ name: 'kube-proxy.service', active: 'activating', sub: 'auto-restart' },
            ...{ result: 'exit-code', restarts: 4 },
          },
        ],
        troubles: [
          { unit: 'kube-proxy.service', reason: 'cannot read\nits config' },
          { unit: 'x.service', reason: undefined },
        ],
        probes: [
          { says: 'etcd answers', ok: true, detail: '' },
          { says: 'kube-proxy is healthy', ok: false, detail: 'refused' },
          { says: 'kubelet is healthy', ok: true, detail: '' },
        ],
        conditions: [
          { type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' },
          { type: 'DiskPressure', status: 'True', reason: 'Full', message: 'no space' },
        ],
      },
    ],
    certificates: [{ name: 'apiserver', expires: '2999-01-01T00:00:00Z' }],
  };

  it('waits for answers as long as it is told to', async () => {
    const asked: unknown[] = [];
    const clusterStatus = (options: { timeout?: number | undefined }) => {
      asked.push(options.timeout);
      return Promise.resolve(status);
    };
    await runCli(['status', 'cluster'], { api: { clusterStatus } });
    await runCli(['status', 'cluster', '--timeout', '2m'], { api: { clusterStatus } });
    expect(asked).toEqual([undefined, 120_000]);
  });

  it('tells what is well in short and what is not in full', async () => {
    const ran = await runCli(['status', 'cluster'], {
      api: { clusterStatus: () => Promise.resolve(status) },
    });
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain(
      'Cluster demo: running, Kubernetes v1.20.2\n  ✓ API server https://10.90.0.2:6443, from the host https://127.0.0.1:16443\n',
    );
    expect(ran.stdout).toContain(
      '  ✗ v1.example.org, which shop/api should answer (no endpoints)\n  ✓ what it has on this host is there\n\netcd',
    );
    expect(ran.stdout).not.toContain('knest-metrics');
    expect(ran.stdout).toContain('! DiskPressure is True: Full (no space)');
    expect(ran.stdout).not.toContain('KubeletReady');
    expect(ran.stdout).toContain(
      `  ports 127.0.0.1:8080->80/tcp
  ✗ kube-proxy.service: cannot read its config
    see more: knest logs demo-control-plane -u kube-proxy
  ✗ x.service: says nothing
    see more: knest logs demo-control-plane -u x
`,
    );
    expect(ran.stdout).toContain(
      '  ✓ etcd answers, kubelet is healthy\n  ✗ kube-proxy is healthy (refused)\n',
    );
    expect(ran.stdout).toContain('  ✗ 2 of 3 units are active\n  UNIT                 ACTIVE ');
    expect(ran.stdout).toContain('  kube-proxy.service   activating (auto-restart)   exit-code   4\n');
    expect(ran.stdout).toContain('  kubelet.service      active (running)            success     1\n');
    expect(ran.stdout).not.toContain('etcd.service');
    const wide = await runCli(['status', 'cluster', '-o', 'wide'], {
      api: { clusterStatus: () => Promise.resolve(status) },
    });
    expect(wide.stdout).toContain('  etcd.service         active (running)            success     0\n');
    expect(ran.stdout).toContain('  ✓ its address 10.90.0.2, held by demo-control-plane\n');
    expect(ran.stdout).toContain(
      'Node demo-control-plane: control-plane, running, Ready, 10.90.0.2, v1.20.2\n  ports 127.0.0.1:8080->80/tcp\n',
    );
    expect(ran.stdout).toMatch(/\nCertificates: 1, good until 2999-01-01 \(\d+ days\)\n$/);
  });

  it('tells of etcd who leads, and whether it can be written to', async () => {
    const learner = { ...member, name: 'demo-control-plane2', id: 'a', leader: false, learner: true };
    const dead = {
      ...{ ...member, name: 'demo-control-plane3', id: 'b', leader: false, ok: false, healthy: false },
      ...{ detail: 'its machine is stopped', version: undefined, dbSize: undefined },
      ...{ raftTerm: undefined, raftIndex: undefined },
    };
    const etcd = { quorum: false, members: [member, learner, dead] };
    const ran = await runCli(['status', 'cluster'], {
      api: { clusterStatus: () => Promise.resolve({ ...status, etcd }) },
    });
    expect(ran.exitCode).toBe(7);
    expect(ran.stdout).toContain(`
etcd: 2 of 3 members are well, NO QUORUM
  ✗ demo-control-plane3 (its machine is stopped)
  MEMBER                ID                 ROLE      VERSION   DB SIZE   RAFT TERM   RAFT INDEX   ALARMS
  demo-control-plane    8e9e05c52164694d   leader    3.5.16    3.1 MiB   2           411          <none>
  demo-control-plane2   a                  learner   3.5.16    3.1 MiB   2           411          <none>
  demo-control-plane3   b                  <none>    <none>    <none>    <none>      <none>       <none>
`);
  });

  it('tells when nobody holds the address of the API, or two do', async () => {
    const holding = async (...holders: boolean[]) => {
      const nodes = holders.flatMap((holdsApiAddress) =>
        status.nodes.map((one) => ({ ...one, holdsApiAddress })),
      );
      const api = { clusterStatus: () => Promise.resolve({ ...status, nodes }) };
      return (await runCli(['status', 'cluster'], { api })).stdout;
    };
    expect(await holding(false)).toContain('✗ its address 10.90.0.2, held by nobody\n');
    expect(await holding(true, true)).toContain('✗ its address 10.90.0.2, held by demo-control-plane and');
  });

  it('shows the certificates that end soon', async () => {
    const certificates = [
      { name: 'admin', expires: '2999-01-01T00:00:00Z' },
      { name: 'apiserver', expires: new Date(Date.now() + 86_400_000 * 7.5).toISOString() },
    ];
    const ran = await runCli(['status', 'cluster'], {
      api: { clusterStatus: () => Promise.resolve({ ...status, certificates }) },
    });
    expect(ran.stdout).toMatch(
      /✗ 1 of 2 end within 30 days\n {2}CERTIFICATE {3}EXPIRES {6}DAYS\n {2}apiserver {5}\S+ {3}7\n {4}renew them: knest renew certificates --name demo\n$/,
    );
  });

  it('exits 7 when the API server does not answer', async () => {
    const bad = { ...status, apiserver: { ok: false, detail: 'ECONNREFUSED' } };
    const ran = await runCli(['status', 'cluster'], { api: { clusterStatus: () => Promise.resolve(bad) } });
    expect(ran.exitCode).toBe(7);
    expect(ran.stdout).toContain(
      '✗ API server https://10.90.0.2:6443, from the host https://127.0.0.1:16443 (ECONNREFUSED)',
    );
  });
});
