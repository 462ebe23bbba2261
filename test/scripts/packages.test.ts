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
