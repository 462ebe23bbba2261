import { readFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { depends } from '../../scripts/deb.ts';
import { packageFor, provided } from '../../src/facts/packages.ts';
import { oldestNspawn } from '../../src/facts/systemd-versions.ts';

const programs = { 'apt-get': '/usr/bin/apt-get' };

it('the Debian package depends on all that doctor would install', () => {
  const names = depends.flatMap((one) => one.split(' | ').map((name) => name.replace(/ .*/, '')));
  expect(names).toEqual(expect.arrayContaining(provided.map((what) => packageFor(what, { programs }))));
});

it('and on the same versions', async () => {
  const { engines } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  };
  expect(depends).toContain(`nodejs (${engines.node.replace('>=', '>= ')})`);
  expect(depends).toContain(`systemd-container (>= ${oldestNspawn})`);
});

/** Of fsevents, which is for macOS alone, npm says nothing elsewhere. */
it('of every package that has a script for its installation, package.json says whether it may run', async () => {
  const read = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(new URL(`../../${name}`, import.meta.url), 'utf8'));
  const { packages } = (await read('package-lock.json')) as {
    packages: Record<string, { hasInstallScript?: true; os?: string[] }>;
  };
  const { allowScripts } = (await read('package.json')) as { allowScripts: Record<string, boolean> };
  const withScripts = Object.entries(packages)
    .filter(([path, one]) => path !== '' && one.hasInstallScript && !one.os?.includes('darwin'))
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  expect(withScripts.length).toBeGreaterThan(0);
  expect(Object.keys(allowScripts)).toEqual(withScripts);
});
