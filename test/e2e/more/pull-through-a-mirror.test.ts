/**
 * A registry that does not exist, with a mirror that does: with a certificate of its own authority, and a password. And
 * one that only a proxy knows.
 */

import { writeFile } from 'node:fs/promises';

import { afterAll, expect, it } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { busyboxPieces } from '../support/image.ts';
import { proxyWithImages, tlsRegistry } from '../support/registry.ts';
import type { TlsRegistry } from '../support/registry.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-mirror';
const nodeSubnet = '10.89.219.0/24';
/** The bridge: the host as its nodes see it. */
const host = '10.89.219.1';
const credentials = { username: 'alice', password: String.raw`open "sesame" \o/` };

const proxyUser = { username: 'carol', password: 'open-sesame' };

// one node each with the oldest and the newest containerd that Debian has for machines
describeScenario('pull through a mirror', { story: true, suite: 'bookworm' }, (scenario) => {
  let mirror: TlsRegistry;

  let proxy: Omit<TlsRegistry, 'authority'>;

  afterAll(async () => {
    await mirror.close();
    await proxy.close();
  });

  it('create a cluster that knows the mirror', async () => {
    const image = await busyboxPieces('from a mirror');
    mirror = await tlsRegistry(host, credentials, { 'team/app:1': image, 'library/other:1': image });
    proxy = await proxyWithImages(proxyUser, { 'team/far:1': await busyboxPieces('far away') });
    const at = `${host}:${mirror.port}`;
    await writeFile(`${scenario.folder}/ca.pem`, mirror.authority);
    const config = {
      apiVersion: 'knest.dev/v1alpha1',
      kind: 'Cluster',
      name,
      suite: 'bookworm',
      network: { nodeSubnet },
      proxy: { http: `http://carol:${proxyUser.password}@${host}:${proxy.port}` },
      registries: [
        { host: 'registry.example.test', mirrors: [`https://${at}`] },
        { host: 'far.example.test', mirrors: ['http://far.example.test'] },
        { host: '*', mirrors: [`https://${at}/v2`] },
        { host: at, ca: `${scenario.folder}/ca.pem`, credentials },
      ],
      nodes: [
        { role: 'control-plane', taints: [] },
        { role: 'worker', suite: 'trixie' },
      ],
    };
    const file = `${scenario.folder}/cluster.json`;
    await writeFile(file, JSON.stringify(config));
    const plan = await scenario.ok(['plan', 'cluster', '--config', file, '-o', 'json']);
    expect(plan).toContain('registry.example.test');
    expect(plan).not.toContain('sesame');
    await scenario.ok(['create', 'cluster', '--config', file]);
  });

  it.each([
    ['of a registry with a mirror', 'registry.example.test/team/app:1'],
    ['of any other registry', 'elsewhere.example.test/library/other:1'],
    ['of a registry that wants a certificate and a password', undefined],
    ['through the proxy', 'far.example.test/team/far:1'],
  ])('every node pulls an image %s', async (kind, mirrored) => {
    const image = mirrored ?? `${host}:${mirror.port}/team/app:1`;
    for (const node of [`${name}-control-plane`, `${name}-worker`]) {
      const pod = `${kind.split(' ').at(-1)}-${node}`;
      const asked = kind.endsWith('proxy') ? proxy.asked : mirror.asked;
      const before = asked.length;
      await scenario.kubectl(name, [
        ...['run', pod, `--image=${image}`, '--restart=Never', '--image-pull-policy=Always'],
        `--overrides=${JSON.stringify({ apiVersion: 'v1', spec: { nodeName: node } })}`,
        ...['--command', '--', 'sh', '-c', 'echo pulled'],
      ]);
      await eventually(
        `${pod} has run`,
        async () => {
          const phase = ['get', 'pod', pod, '-o', 'jsonpath={.status.phase} {.status.containerStatuses}'];
          expect(await scenario.kubectl(name, phase)).toMatch(/^Succeeded/);
        },
        60_000,
      );
      expect(await scenario.kubectl(name, ['logs', pod])).toBe('pulled');
      expect(asked.slice(before).some((path) => path.includes('/manifests/'))).toBe(true);
    }
  });

  it('only root in a node can read the passwords', async () => {
    for (const node of [`${name}-control-plane`, `${name}-worker`]) {
      for (const file of ['/etc/containerd/config.toml', '/etc/containerd/proxy.env']) {
        expect(await scenario.ok(['exec', node, '--', 'stat', '-c', '%a %U', file]), file).toBe('600 root');
      }
    }
  });

  it('delete', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
