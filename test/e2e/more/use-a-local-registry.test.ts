/** An image is built on the host, pushed to 127.0.0.1, and run: on every node, after a restart, and without the first one. */

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { must } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { busyboxPieces } from '../support/image.ts';
import { expectStatus, push } from '../support/registry.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-registry';
const port = 15_319;
const registry = `http://127.0.0.1:${port}`;
const nodes = ['', '2', '3'].map((number) => `${name}-control-plane${number}`);

describeScenario('use a local registry', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const config = () => `${scenario.folder}/cluster.yaml`;
  const data = () => `${scenario.state}/clusters/${name}/registry`;

  let count = 0;

  /** A pod that has to pull the image, which then runs to its end. */
  const runOn = async (node: string, image: string): Promise<void> => {
    count += 1;
    const pod = `pull-${count}`;
    await kubectl(
      ...['run', pod, `--image=${image}`, '--restart=Never', '--image-pull-policy=Always'],
      `--overrides=${JSON.stringify({ apiVersion: 'v1', spec: { nodeName: node } })}`,
      ...['--command', '--', 'true'],
    );
    await eventually(
      `${pod} has run`,
      async () => {
        const phase = '{.status.phase} {.status.containerStatuses[*].state}';
        expect(await kubectl('get', 'pod', pod, '-o', `jsonpath=${phase}`)).toMatch(/^Succeeded/);
      },
      60_000,
    );
  };

  const waitUntilItAnswers = () =>
    eventually('the registry answers on the host', () => expectStatus(200, `${registry}/v2/`), 60_000);

  it('create', async () => {
    const roles = nodes.map(() => ({ role: 'control-plane' }));
    const spec = {
      apiVersion: 'knest.dev/v1alpha1',
      kind: 'Cluster',
      name,
      registry: { port },
      nodes: roles,
    };
    await writeFile(config(), JSON.stringify(spec));
    await scenario.ok(['create', 'cluster', '--config', config()]);
  });

  it('what is pushed to 127.0.0.1 is pulled by every node under the name localhost', async () => {
    await waitUntilItAnswers();
    await push(registry, 'team/app', '1', await busyboxPieces('first'));
    for (const node of nodes) await runOn(node, `localhost:${port}/team/app:1`);
    await runOn(nodes[0] ?? '', `127.0.0.1:${port}/team/app:1`);
  });

  it('tools find it', async () => {
    const text = await kubectl(
      ...['get', 'configmap', 'local-registry-hosting', '--namespace=kube-public', '-o'],
      'jsonpath={.data.localRegistryHosting\\.v1}',
    );
    expect(text).toMatch(new RegExp(`^host: localhost:${port}$`, 'm'));
    const inside = /^hostFromClusterNetwork: (\S+)$/m.exec(text)?.[1] ?? '';
    await expectStatus(200, `http://${inside}/v2/team/app/tags/list`);
  });

  it('another cluster cannot have the same port', async () => {
    const other = ['create', 'cluster', '--config', config(), '--name', `${name}-2`, '--control-planes', '3'];
    const { exitCode, stderr } = await scenario.knest(other);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('registry.port');
    expect(stderr).toContain(`knest cluster ${name}`);
  });

  it('it goes on when the control plane that had its address stops', async () => {
    const status = JSON.parse(await scenario.ok(['status', 'cluster', '--name', name, '-o', 'json'])) as {
      nodes: { name: string; holdsApiAddress: boolean }[];
    };
    const holder = status.nodes.find(({ holdsApiAddress }) => holdsApiAddress)?.name ?? '';
    const other = nodes.find((node) => node !== holder) ?? '';
    await scenario.ok(['stop', 'node', holder]);
    await waitUntilItAnswers();
    await push(registry, 'team/app', '2', await busyboxPieces('second'));
    await runOn(other, `localhost:${port}/team/app:2`);
    await scenario.ok(['start', 'node', holder]);
    await runOn(holder, `localhost:${port}/team/app:2`);
  });

  it('its images are there after a stop', async () => {
    await scenario.ok(['stop', 'cluster', '--name', name]);
    await scenario.ok(['start', 'cluster', '--name', name]);
    await waitUntilItAnswers();
    const response = await expectStatus(200, `${registry}/v2/team/app/tags/list`);
    expect(((await response.json()) as { tags: string[] }).tags.sort()).toEqual(['1', '2']);
  });

  it('deleted images leave the disk', async () => {
    const { layer, manifest } = await busyboxPieces('second');
    const first = await busyboxPieces('first');
    for (const { digest } of [manifest, first.manifest]) {
      await expectStatus(202, `${registry}/v2/team/app/manifests/${digest}`, { method: 'DELETE' });
    }
    const hex = layer.digest.replace('sha256:', '');
    const blob = `${data()}/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
    expect(existsSync(blob)).toBe(true);
    const collect = [
      'docker-registry',
      'garbage-collect',
      '--delete-untagged',
      '/etc/kubernetes/registry.yaml',
    ];
    await scenario.ok(['exec', nodes[0] ?? '', '--', ...collect]);
    expect(existsSync(blob)).toBe(false);
    // uploads again what is gone: no registry of the three remembers a blob that another one has deleted
    await push(registry, 'team/app', '3', first);
    await runOn(nodes[1] ?? '', `localhost:${port}/team/app:3`);
  });

  it('delete takes its data away', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    expect(existsSync(data())).toBe(false);
    await expect(
      must(['curl', '-fsS', '--max-time', '3', '--noproxy', '*', `${registry}/v2/`]),
    ).rejects.toThrow();
    await scenario.expectCleanHost();
  });
});
