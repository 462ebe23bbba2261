/** kind's words and short forms. */

import { describe, expect, it, vi } from 'vitest';

import { leavesOf, commandTree } from '../../scripts/command-tree.ts';
import type { Api } from '../../src/cli/cli.ts';
import { KnestError } from '../../src/errors.ts';
import { runCli } from './run-cli.ts';

describe('-n', () => {
  const named = leavesOf(commandTree()).filter(({ options }) =>
    options.some(({ long }) => long === '--name'),
  );
  const shortOf = (name: string): string | undefined =>
    named
      .find((one) => `${one.parent?.name() ?? ''} ${one.name()}` === name)
      ?.options.find(({ long }) => long === '--name')?.short;

  it.each([
    ...['create cluster', 'delete cluster', 'get kubeconfig', 'get nodes', 'export kubeconfig'],
    ...['load image-archive', 'start cluster', 'status cluster', 'plan cluster', 'delete node'],
  ])('is --name of %s', (name) => {
    expect(shortOf(name)).toBe('-n');
  });

  it('is not where another program has it: kubectl takes a namespace, journalctl a number of lines', () => {
    expect(shortOf('knest kubectl')).toBeUndefined();
    expect(shortOf('knest logs')).toBeUndefined();
    expect(shortOf('knest exec')).toBeUndefined();
  });

  it('names the cluster', async () => {
    const deleteCluster = vi.fn<Api['deleteCluster']>(({ name }) => Promise.resolve({ name, existed: true }));
    expect(await runCli(['delete', 'cluster', '-n', 'demo'], { api: { deleteCluster } })).toMatchObject({
      exitCode: 0,
      stderr: 'Cluster "demo" is deleted.\n',
    });
  });
});

describe('kubeconfigs', () => {
  it('get: the usual one, the internal one, one of all clusters', async () => {
    const clusterKubeconfig = vi.fn<Api['clusterKubeconfig']>(() => Promise.resolve('one'));
    const clustersKubeconfig = vi.fn<Api['clustersKubeconfig']>(() => Promise.resolve('all\n'));
    const api = { clusterKubeconfig, clustersKubeconfig };
    const get = (...more: string[]) => runCli(['get', 'kubeconfig', ...more], { api });
    expect((await get('--name', 'demo')).stdout).toBe('one\n');
    expect(clusterKubeconfig.mock.lastCall?.[0]).toMatchObject({ name: 'demo', internal: false });
    await get('-n', 'demo', '--internal');
    expect(clusterKubeconfig.mock.lastCall?.[0]).toMatchObject({ name: 'demo', internal: true });
    expect((await get('-A')).stdout).toBe('all\n');
    expect(clustersKubeconfig.mock.lastCall?.[0]).toMatchObject({ internal: false });
  });

  it('export takes --internal, too', async () => {
    const exportKubeconfig = vi.fn<Api['exportKubeconfig']>(() =>
      Promise.resolve({ context: 'knest-demo', kubeconfig: '/k' }),
    );
    const argv = ['export', 'kubeconfig', '-n', 'demo', '--internal', '--kubeconfig', '/k'];
    await runCli(argv, { api: { exportKubeconfig } });
    expect(exportKubeconfig.mock.lastCall?.[0]).toMatchObject({
      ...{ name: 'demo', internal: true, kubeconfig: '/k' },
    });
  });
});

it('-v: from 1 on, errors come with their stack', async () => {
  const deleteCluster = () => Promise.reject(new KnestError('it went wrong', { code: 'DELETE_FAILED' }));
  const stderrOf = async (...flags: string[]) =>
    (await runCli(['delete', 'cluster', ...flags], { api: { deleteCluster } })).stderr;
  expect(await stderrOf('-v', '0')).toBe('Error: it went wrong\n');
  expect(await stderrOf('-v', '1')).toContain('    at ');
  expect(await stderrOf('-v', 'x')).toContain('Use a whole number');
});

describe('load docker-image', () => {
  it('hands several images on, and to which nodes', async () => {
    const loadDockerImage = vi.fn<Api['loadDockerImage']>(() =>
      Promise.resolve([
        { node: 'demo-worker', image: 'docker.io/library/app:1', file: 'docker', state: 'loaded' as const },
      ]),
    );
    const argv = ['load', 'docker-image', 'app:1', 'web', '-n', 'demo', '--nodes', 'demo-worker'];
    const ran = await runCli(argv, { api: { loadDockerImage } });
    expect(loadDockerImage.mock.lastCall?.[0]).toMatchObject({
      ...{ name: 'demo', images: ['app:1', 'web'], nodes: ['demo-worker'] },
    });
    expect(ran.stdout).toMatch(
      /^NODE +IMAGE +STATE +FROM\ndemo-worker +docker\.io\/library\/app:1 +loaded +docker\n$/,
    );
    await runCli([...argv, '--from', 'podman'], { api: { loadDockerImage } });
    expect(loadDockerImage.mock.lastCall?.[0]).toMatchObject({ from: 'podman' });
    expect((await runCli([...argv, '--from', 'rkt'])).exitCode).toBe(2);
  });
});
