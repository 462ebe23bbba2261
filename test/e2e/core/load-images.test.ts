/** Images that a cluster comes with, images that are loaded, and what `get images` says of them. */

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { expect, it } from 'vitest';

import type { BuiltImage, ClusterImages, ClusterPlan, LoadedImage } from '../../../src/api/commands.ts';
import { must } from '../support/cli.ts';
import { busyboxPieces, writeDockerArchive, writeOciArchive } from '../support/image.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-images';
const nodes = [`${name}-control-plane`, `${name}-worker`];

describeScenario('load images', { story: true }, (scenario) => {
  const archive = (file: string) => `${scenario.folder}/${file}`;
  const states = (loaded: LoadedImage[]) =>
    loaded.map(({ node, image, state }) => `${node} ${image} ${state}`);
  const load = async (...args: string[]) =>
    JSON.parse(
      await scenario.ok(['load', 'image-archive', ...args, '--name', name, '-o', 'json']),
    ) as LoadedImage[];
  const images = async (...args: string[]) =>
    JSON.parse(await scenario.ok(['get', 'images', '--name', name, '-o', 'json', ...args])) as ClusterImages;
  const nodesWith = async (image: string) =>
    (await images()).images.filter((one) => one.name === image).flatMap((one) => one.nodes);
  /** Fails at once where the node has no such image. */
  const runOn = async (node: string, image: string, label: string) => {
    const pod = `run-${label}`;
    await scenario.kubectl(name, [
      ...['run', pod, `--image=${image}`, '--restart=Never', '--image-pull-policy=Never'],
      `--overrides=${JSON.stringify({ apiVersion: 'v1', spec: { nodeName: node } })}`,
      ...['--command', '--', 'sleep', '1000000'],
    ]);
    await scenario.kubectl(name, ['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s']);
  };

  it('make archives', async () => {
    await writeDockerArchive(archive('app.tar'), 'app.example.test/app:1', await busyboxPieces('one'));
    await must(['gzip', '-k', archive('app.tar')]);
    await writeDockerArchive(archive('newer.tar'), 'app.example.test/app:1', await busyboxPieces('two'));
    await writeOciArchive(archive('oci.tar'), 'app.example.test/oci:1', await busyboxPieces('three'));
    await writeDockerArchive(archive('short.tar'), 'short', await busyboxPieces('four'));
    await must(['xz', '-k', archive('short.tar')]);
  });

  it('the layer with the images of new nodes is made ahead, once, whatever the archives are compressed with', async () => {
    const build = async (file: string) => {
      const text = await scenario.ok(['build', 'image', '--image', file, '-o', 'json']);
      return (JSON.parse(text) as BuiltImage).layers.find(({ kind }) => kind === 'images');
    };
    const first = await build(archive('app.tar.gz'));
    const files = await readdir(`${first?.path ?? ''}/usr/lib/knest/images`);
    expect(files).toHaveLength(1);
    expect(await readFile(`${first?.path ?? ''}/usr/lib/knest/images/${files[0] ?? ''}`)).toEqual(
      await readFile(archive('app.tar')),
    );
    expect(await build(archive('app.tar'))).toEqual({ ...first, built: false });
  });

  it('create with images', async () => {
    const config = {
      apiVersion: 'knest.dev/v1alpha1',
      kind: 'Cluster',
      name,
      images: [archive('app.tar.gz')],
      nodes: [{ role: 'control-plane', taints: [] }, { role: 'worker' }],
    };
    await writeFile(archive('cluster.json'), JSON.stringify(config));
    await scenario.ok(['create', 'cluster', '--config', archive('cluster.json')]);
    expect(await nodesWith('app.example.test/app:1')).toEqual(nodes);
    await runOn(nodes[1] ?? '', 'app.example.test/app:1', 'preloaded');
  });

  it('a node that is added later has them as well, even without the file', async () => {
    await rm(archive('app.tar.gz'));
    await scenario.ok(['add', 'node', '--name', name]);
    expect(await nodesWith('app.example.test/app:1')).toEqual([...nodes, `${name}-worker2`]);
    await scenario.ok(['delete', 'node', `${name}-worker2`, '--name', name]);
  });

  it('what nodes have is not sent again; another image of the same name is', async () => {
    expect(states(await load(archive('app.tar')))).toEqual(
      nodes.map((node) => `${node} app.example.test/app:1 present`),
    );
    const [before] = (await images()).images.filter(({ name: image }) => image === 'app.example.test/app:1');
    expect(states(await load(archive('newer.tar'), '--nodes', nodes[0] ?? ''))).toEqual([
      `${nodes[0]} app.example.test/app:1 loaded`,
    ]);
    const after = (await images()).images.filter(({ name: image }) => image === 'app.example.test/app:1');
    expect(after).toHaveLength(2);
    expect(after.find(({ id }) => id === before?.id)?.nodes).toEqual([nodes[1]]);
    expect(after.find(({ id }) => id !== before?.id)?.nodes).toEqual([nodes[0]]);
    expect((await images('--nodes', nodes[1] ?? '')).nodes).toEqual([nodes[1]]);
  });

  it('an OCI layout and a compressed archive, several at once, and from a pipe', async () => {
    const loaded = await load(archive('oci.tar'), archive('short.tar.xz'));
    expect(states(loaded)).toEqual(
      nodes.flatMap((node) => [
        `${node} app.example.test/oci:1 loaded`,
        `${node} docker.io/library/short:latest loaded`,
      ]),
    );
    await runOn(nodes[0] ?? '', 'app.example.test/oci:1', 'oci');
    await runOn(nodes[1] ?? '', 'short', 'short');
    const { stdout } = await scenario.knest(['load', 'image-archive', '-', '--name', name, '-o', 'name'], {
      input: '',
      through: ['sh', '-c', `exec "$@" < ${archive('oci.tar')}`, 'sh'],
    });
    expect(stdout).toBe('app.example.test/oci:1');
  });

  it('tables for people', async () => {
    const text = await scenario.ok(['get', 'images', '--name', name]);
    expect(text).toMatch(/^IMAGE +ID +SIZE +NODES$/m);
    expect(text).toMatch(/^app\.example\.test\/oci:1 +[0-9a-f]{13} +2\.\d+MB +all 2$/m);
    expect(await scenario.ok(['get', 'images', '--name', name, '-o', 'name'])).toContain(
      'knest.local/pause:1',
    );
  });

  it('what is no archive of images is told of before any is sent', async () => {
    await writeFile(archive('cut.tar'), (await readFile(archive('oci.tar'))).subarray(0, 1_000_000));
    await writeOciArchive(archive('tag.tar'), 'latest', await busyboxPieces('five'));
    await must(['tar', '--create', '--file', archive('hosts.tar'), '--directory', '/etc', 'hosts']);
    const files = ['cut.tar', 'tag.tar', 'hosts.tar', 'nothing.tar', 'cluster.json'].map(archive);
    const args = ['load', 'image-archive', ...files, archive('newer.tar'), '--name', name];
    const { exitCode, stderr } = await scenario.knest(args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('5 problems');
    expect(stderr).toContain('cut.tar: ends in the middle');
    expect(stderr).toContain('tag.tar: calls its image "latest"');
    expect(stderr).toContain('hosts.tar: holds no images');
    expect(stderr).toContain('nothing.tar: there is no such file');
    expect(stderr).toContain('cluster.json: is not a tar archive');
  });

  it('images are there after a restart', async () => {
    await scenario.ok(['restart', 'node', nodes[1] ?? '']);
    expect(await nodesWith('app.example.test/oci:1')).toEqual(nodes);
  });

  it('delete', async () => {
    const plan = JSON.parse(
      await readFile(`${scenario.state}/clusters/${name}/plan.json`, 'utf8'),
    ) as ClusterPlan;
    await scenario.ok(['delete', 'cluster', '--name', name]);
    // layers stay; this one is of no use to anybody else
    const cache = dirname(scenario.layers.rootfs);
    for (const { id, kind } of plan.layers) {
      if (kind === 'images')
        for (const path of [id, `${id}.json`]) await rm(`${cache}/${path}`, { recursive: true });
    }
    await scenario.expectCleanHost();
  });
});
