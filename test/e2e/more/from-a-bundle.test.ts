/**
 * A cluster that is locked, made twice, and carried in one file to where there is no network: a network namespace without a
 * route, an empty cache, neither the config nor the archives nor the binaries that it was made of.
 */

import { copyFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { BuiltImage, CacheContents } from '../../../src/api/commands.ts';
import type { BundleResult } from '../../../src/operations/bundle/create-bundle.ts';
import { busyboxArchive, busyboxImage } from '../support/busybox.ts';
import { must, run } from '../support/cli.ts';
import type { Outcome, RunOptions } from '../support/cli.ts';
import { pod } from '../support/manifests.ts';
import { openNamespace } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-bundle';
/** Making the nodes' system takes two minutes on two idle processors. */
const patient = 20 * 60_000;

describeScenario('from a bundle, without a network', { story: true }, (scenario) => {
  const at = (...path: string[]) => join(scenario.folder, ...path);
  const cacheOf = (folder: string): RunOptions => ({
    env: { KNEST_CACHE_DIR: at(folder) },
    timeout: patient,
  });
  const contentsOf = async (folder: string): Promise<Record<string, string | undefined>> => {
    const text = await scenario.ok(['cache', 'list', '-o', 'json'], cacheOf(folder));
    const { entries } = JSON.parse(text) as CacheContents;
    return Object.fromEntries(entries.map(({ id, content }) => [id, content]));
  };
  let nowhere: Namespace;

  beforeAll(async () => {
    await mkdir(at('there'));
    await copyFile(await busyboxArchive(), at('there/busybox.tar'));
    await must(['cp', '-rL', join(scenario.layers.kubernetes, 'usr/local/bin'), at('there/bin')]);
    const config = {
      ...{ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name },
      ...{ source: at('there/bin'), images: [at('there/busybox.tar')] },
      manifests: [at('there/namespace.json')],
    };
    await writeFile(at('there/cluster.yaml'), JSON.stringify(config));
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'carried' } };
    await writeFile(at('there/namespace.json'), JSON.stringify(namespace));
    for (const kind of ['key', 'other']) {
      await must(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', at(`${kind}.pem`)]);
      await must(['openssl', 'pkey', '-in', at(`${kind}.pem`), '-pubout', '-out', at(`${kind}.pub.pem`)]);
    }
  });
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- when an earlier part failed
  afterAll(() => nowhere?.close());

  it('knest lock says what nodes are made of, to the last package', { timeout: patient }, async () => {
    await scenario.ok(['lock', '--config', at('there/cluster.yaml')], cacheOf('first'));
    const lock = await readFile(at('there/knest.lock'), 'utf8');
    for (const part of ['systemd', 'containerd', 'libc6'])
      expect(lock).toMatch(new RegExp(`- \\{name: ${part}, version: .+, sha256: [0-9a-f]{64}, path: pool/`));
    expect(lock).toContain('kubelet: ');
    expect(lock).toContain(busyboxImage);
    const contents = Object.values(await contentsOf('first'));
    expect(contents).toHaveLength(3);
    for (const content of contents) expect(lock).toContain(content);
  });

  it('layers of the same lock are the same, wherever they are made', { timeout: patient }, async () => {
    const through = ['sh', '-c', 'umask 077; exec "$@"', 'sh'];
    const args = ['build', 'image', '--config', at('there/cluster.yaml'), '--locked', '-o', 'json'];
    const built = JSON.parse(
      await scenario.ok(args, { ...cacheOf('deep/er/second'), through }),
    ) as BuiltImage;
    expect(built.layers.map((layer) => layer.built)).toEqual([true, true, true]);
    expect(await contentsOf('deep/er/second')).toEqual(await contentsOf('first'));
    await rm(at('deep'), { recursive: true });
  });

  it('what differs from the lock is refused, and nothing is made', async () => {
    const lock = await readFile(at('there/knest.lock'), 'utf8');
    const refused = async (changed: string, ...flags: string[]): Promise<Outcome> => {
      await writeFile(at('there/knest.lock'), changed);
      const create = ['create', 'cluster', '--config', at('there/cluster.yaml'), ...flags];
      const outcome = await scenario.knest(create, cacheOf('first'));
      await writeFile(at('there/knest.lock'), lock);
      expect(await readdir(scenario.state).catch(() => [])).not.toContain('machines');
      return outcome;
    };
    const suite = await refused(lock, '--suite', 'bookworm');
    expect(suite).toMatchObject({ exitCode: 2 });
    expect(suite.stderr).toContain('suite: is bookworm, and knest.lock has trixie');
    const version = await refused(lock, '--kubernetes-version', 'v1.35.0');
    expect(version.stderr).toContain('--kubernetes-version: is v1.35.0');
    const [, content = ''] = /kind: images[^]*content: ([0-9a-f]{64})/.exec(lock) ?? [];
    const other = await refused(lock.replace(content, 'f'.repeat(64)));
    expect(other.exitCode, other.stderr).toBe(1);
    expect(other.stderr).toContain(`locked: content sha256 ${'f'.repeat(64)}`);
    expect(other.stderr).toContain(`found:  content sha256 ${content}`);
  });

  it('everything goes into one file', { timeout: patient }, async () => {
    const create = ['bundle', 'create', '--config', at('there/cluster.yaml'), '-o', at('lab.knest')];
    await scenario.ok([...create, '--sign-key', at('key.pem')], cacheOf('first'));
    const verify = ['bundle', 'verify', at('lab.knest'), '--verify-key', at('key.pub.pem'), '-o', 'json'];
    const { members, signed } = JSON.parse(await scenario.ok(verify)) as BundleResult;
    expect(signed).toBe(true);
    expect(members).toHaveLength(7);
    // nothing of what it was made of is left
    await rm(at('there'), { recursive: true });
    await rm(at('first'), { recursive: true });
  });

  it('of another key, or changed by a byte, it is refused before anything is made', async () => {
    const create = ['create', 'cluster', '--bundle', at('lab.knest')];
    const other = await scenario.knest([...create, '--verify-key', at('other.pub.pem')], cacheOf('empty'));
    expect(other.exitCode, other.stderr).toBe(1);
    expect(other.stderr).toContain('is not signed with this key');
    const file = await open(at('lab.knest'), 'r+');
    const { size } = await file.stat();
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, size - 4096);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, size - 4096);
    const changed = await scenario.knest(create, cacheOf('empty'));
    await file.write(byte, 0, 1, size - 4096);
    await file.close();
    expect(changed).toMatchObject({ exitCode: 1 });
    expect(changed.stderr).toContain('is damaged');
    await scenario.expectCleanHost();
    await rm(at('empty'), { recursive: true, force: true });
  });

  it('without a route it makes a cluster, whose pods have their image', { timeout: patient }, async () => {
    await mkdir(at('here'));
    const unpack = `tar --extract --to-stdout --file "$0" knest.tar.gz | tar --extract --gzip`;
    await must(['sh', '-c', unpack, at('lab.knest')], { cwd: at('here') });
    nowhere = await openNamespace();
    expect((await nowhere.host.run(['ip', 'route'])).stdout).toBe('');
    const knest = async (args: readonly string[], input?: string): Promise<string> => {
      const argv = [at('here/knest/knest'), ...args];
      const outcome = await run(argv, {
        env: {
          ...{ KNEST_STATE_DIR: scenario.state, KNEST_CACHE_DIR: at('here/cache') },
          ...{
            KUBECONFIG: scenario.kubeconfig,
            HOME: scenario.folder,
            PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
          },
        },
        through: ['nsenter', `--net=/proc/${nowhere.pid}/ns/net`, '--'],
        timeout: patient,
        ...(input === undefined ? {} : { input }),
      });
      expect(outcome.exitCode, `${argv.join(' ')}\n${outcome.stderr}`).toBe(0);
      return outcome.stdout;
    };
    const kubectl = (args: readonly string[], input?: string) =>
      knest(['kubectl', '--name', name, '--', ...args], input);
    await knest(['create', 'cluster', '--bundle', at('lab.knest'), '--verify-key', at('key.pub.pem')]);
    expect(await kubectl(['get', 'nodes', '--no-headers'])).toMatch(/ Ready /);
    await kubectl(['apply', '-f', '-'], JSON.stringify(pod('here', 'echo here; exec sleep 1000')));
    expect(await kubectl(['get', 'namespace', 'carried', '-o', 'name'])).toContain('carried');
    await kubectl(['wait', 'pod/here', '--for=condition=Ready', '--timeout=120s']);
    // as from the same file once more: everything is in the cache
    await knest(['delete', 'cluster', '--name', name]);
    await knest(['create', 'cluster', '--bundle', at('lab.knest')]);
    await knest(['delete', 'cluster', '--name', name]);
    await nowhere.close();
    await scenario.expectCleanHost();
  });
});
