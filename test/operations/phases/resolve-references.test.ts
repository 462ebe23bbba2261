import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { openSession } from '../../../src/operations/session.ts';
import { resolveReferences } from '../../../src/operations/phases/resolve-references.ts';
import { clusterSpec } from '../../fixtures/cluster.ts';

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const access = { mirrors: [], skipVerify: false, credentials: undefined };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-settle-'));
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy']) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toUpperCase(), undefined);
  }
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

it('reads certificates', async () => {
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, pem);
  const registries = [
    { ...access, host: 'a.example', ca },
    { ...access, host: 'b.example', ca: pem },
  ];
  const settled = await resolveReferences(openSession({}), clusterSpec({ registries }));
  expect(settled.registries?.map((entry) => entry.ca)).toEqual([pem, pem]);
});

it('refuses what holds no certificate, all at once', async () => {
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, 'DER');
  const registries = [
    { ...access, host: 'a.example', ca },
    { ...access, host: 'b.example', ca: `${folder}/nothing` },
  ];
  await expect(resolveReferences(openSession({}), clusterSpec({ registries }))).rejects.toMatchObject({
    problems: [{ path: 'registries[0].ca' }, { path: 'registries[1].ca' }],
  });
});

it('refuses archives that are none', async () => {
  const file = join(folder, 'app.tar');
  await writeFile(file, 'text');
  const images = [{ file }, { file: `${folder}/nothing` }];
  await expect(resolveReferences(openSession({}), clusterSpec({ images }))).rejects.toMatchObject({
    problems: [{ message: 'is not a tar archive' }, { message: 'there is no such file' }],
  });
});

it("has the environment's proxies, but for those that nodes cannot reach", async () => {
  vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:3128');
  vi.stubEnv('https_proxy', 'http://carol:sesame@proxy.example:3128');
  vi.stubEnv('no_proxy', '.example, 192.0.2.0/24');
  const notes: string[] = [];
  const session = openSession({
    listener: (event) => {
      if (event.type === 'note') notes.push(event.message);
    },
  });
  expect((await resolveReferences(session, clusterSpec())).proxy).toEqual({
    http: undefined,
    https: 'http://carol:sesame@proxy.example:3128',
    noProxy: ['.example', '192.0.2.0/24'],
  });
  expect(notes).toEqual([expect.stringMatching(/^http_proxy is on loopback/)]);
  const none = { http: undefined, https: undefined, noProxy: [] };
  expect((await resolveReferences(session, clusterSpec({ proxy: none }))).proxy).toEqual(none);
});
