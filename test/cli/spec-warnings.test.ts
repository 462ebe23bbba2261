import { describe, expect, it, vi } from 'vitest';
import { InputError } from '../../src/errors.ts';
import type { CreateOptions } from '../../src/operations/types.ts';
import { runCli } from './run-cli.ts';

const created = { context: 'c', endpoint: 'https://192.0.2.1:6443', kubeconfig: '/k', nodes: [], seconds: 1 };

async function create(...argv: string[]) {
  const createCluster = vi.fn((options: CreateOptions) =>
    Promise.resolve({ ...created, name: options.spec.name, kubernetesVersion: 'v1.20.2' }),
  );
  const stdin = [
    'kind: Cluster',
    'apiVersion: kind.x-k8s.io/v1alpha4',
    'nodes:',
    '  - extraMounts: [{ hostPath: ./data, containerPath: /data, propagation: Bidirectional }]',
    '  - role: control-plane',
  ].join('\n');
  const ran = await runCli(['create', 'cluster', ...argv], { api: { createCluster }, stdin });
  return { ...ran, spec: createCluster.mock.calls[0]?.[0].spec };
}

describe('create cluster', () => {
  it('tells what it thinks of the config on stderr, and goes on', async () => {
    const { exitCode, stderr, stdout, spec } = await create('--config', '-', '-o', 'name');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'knest\n' });
    expect(stderr).toContain('nodes[0].extraMounts[0].propagation: becomes HostToContainer');
    expect(stderr).toContain('nodes: 2 control planes survive the loss of neither');
    expect(spec?.nodes[0]?.extraMounts[0]?.hostPath).toBe(`${process.cwd()}/data`);
  });

  it('counts nodes by flags', async () => {
    const { spec } = await create(
      '--nodes',
      '3',
      '--control-planes',
      '1',
      '--ip-family',
      'dual',
      '--proxy-mode',
      'none',
    );
    expect(spec?.nodes.map(({ name }) => name)).toEqual([
      'knest-control-plane',
      'knest-worker',
      'knest-worker2',
    ]);
    expect(spec?.network).toMatchObject({ ipFamily: 'dual', proxyMode: 'none' });
  });

  it('reads no switch that is not there', async () => {
    expect((await create()).spec?.metrics).toBe(true);
    expect((await create('--no-metrics')).spec?.metrics).toBe(false);
    expect((await create()).spec?.ingress).toBeUndefined();
    expect((await create('--ingress')).spec?.ingress).toBe(true);
  });

  it('tells the place in the file of what only the host refuses', async () => {
    const problem = { path: 'nodes[0].extraMounts[0].hostPath', message: 'is not there', hint: 'make it' };
    const createCluster = () => Promise.reject(new InputError('the cluster cannot be made', [problem]));
    const stdin =
      'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- extraMounts:\n  - { containerPath: /x, hostPath: /y }\n';
    const { exitCode, stderr } = await runCli(['create', 'cluster', '--config', '-'], {
      api: { createCluster },
      stdin,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('the cluster cannot be made: 1 problem');
    expect(stderr).toContain('stdin:5:26  nodes[0].extraMounts[0].hostPath: is not there\n    make it');
  });

  it('refuses flags that contradict the file', async () => {
    const { exitCode, stderr, spec } = await create('--config', '-', '--nodes', '3');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--nodes: 3, but "nodes" in stdin lists 2');
    expect(spec).toBeUndefined();
  });
});
