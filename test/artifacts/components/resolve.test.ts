import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { resolveComponent } from '../../../src/artifacts/components/resolve.ts';
import type { ComponentRequest } from '../../../src/artifacts/components/resolve.ts';
import { ensureLayer } from '../../../src/artifacts/layers.ts';
import { InputError } from '../../../src/errors.ts';
import { localHost } from '../../../src/host/local.ts';
import type { ComponentLayer, ResolvedComponent } from '../../../src/plan/types.ts';
import { cniPluginsRelease, recommendedFor, runcFor } from '../../../src/plan/versions/components.ts';
import type { ComponentName, ComponentOrigin } from '../../../src/spec/types.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { buildContext } from '../build-context.ts';
import { componentFixture, fakeProgram } from '../component-server.ts';
import type { ReleaseFixture } from '../release-server.ts';

const newest = recommendedFor('containerd', 'v1.38.0');
const oldest = recommendedFor('containerd', 'v1.20.2');
const versions = {
  containerd: newest,
  runc: runcFor(newest) ?? '',
  cniPlugins: cniPluginsRelease.value,
  etcd: recommendedFor('etcd', 'v1.38.0'),
};
let folder: string;
let server: ReleaseFixture;
let dead: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-resolve-'));
  const gone = await componentFixture();
  dead = gone.baseUrl;
  await gone.close();
  server = await componentFixture({ versions });
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const trixie = (version: string | undefined): ResolvedComponent => ({ version, reason: 'of trixie' });

interface Wanted extends Partial<Omit<ComponentRequest, 'component' | 'spec'>> {
  origin?: Partial<ComponentOrigin>;
  mirror?: string;
}

function resolve(component: ComponentName, { origin, mirror = server.baseUrl, ...rest }: Wanted = {}) {
  return resolveComponent(
    {
      component,
      spec: {
        ...(origin ? { sources: { [component]: { source: 'auto', version: undefined, ...origin } } } : {}),
        mirror,
      },
      ofSuite: trixie('1.7.24'),
      kubernetesVersion: 'v1.36.2',
      ...rest,
    },
    {
      host: localHost(),
      user: thisWorkstation(),
      paths: { state: `${folder}/state`, cache: `${folder}/cache` },
      facts: { arch: 'amd64', proxyEnvironment: {} },
    },
  );
}

/** Puts a release into the cache. */
async function build({ layer }: ResolvedComponent): Promise<ComponentLayer> {
  if (!layer) throw new Error('it is of the suite');
  await ensureLayer(layer, buildContext(`${folder}/cache`));
  return layer;
}

describe('auto', () => {
  it('takes that of the suite where it is good enough, and asks nobody', async () => {
    expect(await resolve('containerd')).toEqual(trixie('1.7.24'));
    expect(await resolve('runc', { ofSuite: trixie('1.1.15') })).toEqual(trixie('1.1.15'));
    expect(await resolve('cniPlugins', { ofSuite: trixie('1.1.1') })).toEqual(trixie('1.1.1'));
    expect(await resolve('etcd', { ofSuite: trixie('3.4.23') })).toEqual(trixie('3.4.23'));
    expect(server.requests).toEqual([]);
  });

  it('takes that of a suite that nobody knows', async () => {
    expect(await resolve('containerd', { ofSuite: trixie(undefined), kubernetesVersion: 'v1.38.0' })).toEqual(
      trixie(undefined),
    );
  });

  it('takes the release that goes with Kubernetes where that of the suite does not', async () => {
    const found = await resolve('containerd', { kubernetesVersion: 'v1.38.0' });
    expect(found).toMatchObject({
      version: newest,
      layer: {
        kind: 'component',
        component: 'containerd',
        source: { kind: 'release', baseUrl: server.baseUrl },
      },
      reason: `${new URL(server.baseUrl).host}: Kubernetes v1.38.0 is announced to need containerd 2.0.0 or newer`,
    });
    expect(server.requests).toEqual([
      `/containerd/containerd/releases/download/v${newest}/containerd-${newest}-linux-amd64.tar.gz.sha256sum`,
    ]);
  });

  it('takes an older one for a kubelet that speaks an older CRI', async () => {
    await server.close();
    server = await componentFixture({ versions: { containerd: oldest } });
    const found = await resolve('containerd', { ofSuite: trixie('2.1.9'), kubernetesVersion: 'v1.22.17' });
    expect(found.version).toBe(oldest);
    expect(found.reason).toContain('the kubelet of v1.22.17 speaks CRI v1alpha2 only');
  });

  it('takes the cache before the server', async () => {
    const { mirror } = { mirror: server.baseUrl };
    const built = await build(await resolve('containerd', { kubernetesVersion: 'v1.38.0' }));
    await server.close();
    const again = await resolve('containerd', { kubernetesVersion: 'v1.38.0', mirror });
    expect(again.layer).toEqual(built);
    expect(again.reason).toMatch(/^in the cache since \d{4}-\d\d-\d\d: Kubernetes v1\.38\.0 is announced/);
  });

  it('takes another one of the cache when the server is away', async () => {
    await server.close();
    server = await componentFixture({ versions: { containerd: '2.0.11' } });
    const { baseUrl: mirror } = server;
    await build(await resolve('containerd', { origin: { source: 'release', version: '2.0.11' } }));
    await server.close();
    const found = await resolve('containerd', { kubernetesVersion: 'v1.38.0', mirror });
    expect(found.version).toBe('2.0.11');
    expect(found.reason).toMatch(/does not answer \(ECONNREFUSED\)$/);
  });

  it('is refused with the one thing to do when nobody has what is needed', async () => {
    const failed = resolve('containerd', { kubernetesVersion: 'v1.38.0', mirror: dead });
    await expect(failed).rejects.toMatchObject({
      problems: [
        {
          path: 'components.containerd.source',
          message:
            'Kubernetes v1.38.0 is announced to need containerd 2.0.0 or newer, and containerd of trixie is 1.7.24; ' +
            `the release ${newest} cannot be had: ${new URL(dead).host} does not answer (ECONNREFUSED)`,
          hint: 'name a mirror of the releases (--component-mirror URL) or a directory with its binaries (--containerd DIR)',
        },
      ],
    });
    await expect(failed).rejects.toBeInstanceOf(InputError);
  });

  it('with a version takes the suite only where that is it', async () => {
    expect(await resolve('containerd', { origin: { version: '1.7.24' } })).toEqual(trixie('1.7.24'));
    expect((await resolve('containerd', { origin: { version: newest } })).reason).toBe(
      `${new URL(server.baseUrl).host}: asked for`,
    );
  });
});

describe('runc beside a containerd from elsewhere', () => {
  const containerd: ResolvedComponent = {
    version: newest,
    layer: {
      kind: 'component',
      id: 'x',
      component: 'containerd',
      version: newest,
      source: { kind: 'release', baseUrl: '' },
    },
    reason: 'asked for',
  };
  const ofSuite = trixie('1.1.15');

  it('is the one that containerd is tested with', async () => {
    const found = await resolve('runc', { ofSuite, containerd });
    expect(found.version).toBe(versions.runc);
    expect(found.reason).toContain(`containerd ${newest} is tested with runc ${versions.runc}`);
  });

  it('is that of the suite where that is as new, or nobody answers', async () => {
    expect(await resolve('runc', { ofSuite: trixie('99.0.0'), containerd })).toEqual(trixie('99.0.0'));
    const found = await resolve('runc', { ofSuite, containerd, mirror: dead });
    expect(found).toEqual({
      version: '1.1.15',
      reason: expect.stringMatching(/^of trixie: .*ECONNREFUSED/) as string,
    });
  });

  it('is that of the suite beside that of the suite', async () => {
    expect(await resolve('runc', { ofSuite, containerd: trixie('1.7.24') })).toEqual(ofSuite);
  });
});

describe('suite, release', () => {
  it('suite is taken, whatever it is', async () => {
    const found = await resolve('containerd', { origin: { source: 'suite' }, kubernetesVersion: 'v1.38.0' });
    expect(found).toEqual({ version: '1.7.24', reason: 'of trixie: asked for' });
  });

  it('release is the one that goes with Kubernetes, or the one that is named', async () => {
    const release = { source: 'release' as const };
    for (const component of ['containerd', 'cniPlugins', 'etcd'] as const)
      expect((await resolve(component, { origin: release })).version).toBe(versions[component]);
    expect((await resolve('runc', { origin: release })).version).toBe(versions.runc);
  });

  it('a version that is not there is named', async () => {
    await expect(resolve('etcd', { origin: { source: 'release', version: '3.6.99' } })).rejects.toMatchObject(
      {
        problems: [
          {
            path: 'components.etcd.version',
            message: `${server.baseUrl} has no etcd 3.6.99`,
            hint: `its releases are at ${server.baseUrl}/etcd-io/etcd/releases`,
          },
        ],
      },
    );
  });

  it('a server that is asked for and does not answer is an error', async () => {
    await expect(resolve('etcd', { origin: { source: 'release' }, mirror: dead })).rejects.toMatchObject({
      message: `${new URL(dead).host} does not answer (ECONNREFUSED)`,
      hint: 'check the network or use another server: --component-mirror URL',
    });
  });
});

describe('a directory', () => {
  const put = async (place: string, ...names: readonly string[]): Promise<string> => {
    const directory = join(folder, place);
    await mkdir(directory, { recursive: true });
    for (const name of names) {
      await writeFile(join(directory, name), fakeProgram(name, '2.2.7'));
      await chmod(join(directory, name), 0o755);
    }
    return directory;
  };
  const programs = ['containerd', 'containerd-shim-runc-v2', 'ctr'] as const;

  it('says which version it is, and becomes a layer by its contents', async () => {
    const directory = await put('unpacked/bin', ...programs);
    const origin = { source: { directory: join(folder, 'unpacked') } };
    const found = await resolve('containerd', { origin });
    expect(found).toMatchObject({
      version: '2.2.7',
      layer: { source: { kind: 'directory', directory } },
      reason: `the binaries in ${directory}`,
    });
    await build(found);
    await writeFile(join(directory, 'ctr'), '#!/bin/sh\n');
    const changed = await resolve('containerd', { origin });
    expect(changed.layer?.id).not.toBe(found.layer?.id);
    const again = { ...found, layer: found.layer && { ...found.layer, id: 'again' } };
    await expect(build(again as ResolvedComponent)).rejects.toThrow(
      `the binaries in ${directory} changed while they were copied`,
    );
  });

  it('must have the programs', async () => {
    const directory = await put('half', 'containerd');
    await expect(resolve('containerd', { origin: { source: { directory } } })).rejects.toMatchObject({
      problems: [
        {
          path: 'components.containerd.source',
          message: `${directory} lacks containerd-shim-runc-v2, ctr, or they are not executable`,
        },
      ],
    });
  });

  it('must be the version that is asked for', async () => {
    const directory = await put('other', ...programs);
    const origin = { source: { directory }, version: '2.3.4' };
    await expect(resolve('containerd', { origin })).rejects.toMatchObject({
      problems: [
        {
          path: 'components.containerd.version',
          message: `is 2.3.4, and containerd in ${directory} is 2.2.7`,
        },
      ],
    });
  });

  it('that says nothing is what the user says, which must be said of containerd and etcd', async () => {
    const directory = await put('silent', 'etcd', 'bridge', 'host-local', 'loopback', 'portmap');
    for (const name of ['etcd', 'bridge']) await writeFile(join(directory, name), '#!/bin/sh\n');
    await expect(resolve('etcd', { origin: { source: { directory } } })).rejects.toMatchObject({
      problems: [
        { path: 'components.etcd.source', hint: 'say which version it is: components.etcd.version' },
      ],
    });
    expect((await resolve('etcd', { origin: { source: { directory }, version: '3.6.1' } })).version).toBe(
      '3.6.1',
    );
    expect((await resolve('cniPlugins', { origin: { source: { directory } } })).version).toBeUndefined();
  });
});
