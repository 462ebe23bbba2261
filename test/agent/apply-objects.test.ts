import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { createIfMissing, readObjects } from '../../src/agent/apply-objects.ts';
import { fakeApi } from './fake-api.ts';

it('puts files of the machine into the objects that name them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'knest-objects-'));
  try {
    const certificate = join(folder, 'ca.crt');
    await writeFile(certificate, 'certificate');
    const data = { kubeconfig: `authority: @base64:${certificate}@\nserver: https://user@host` };
    await writeFile(join(folder, 'objects.json'), JSON.stringify({ api: {}, objects: [{ data }] }));
    expect((await readObjects(join(folder, 'objects.json'))).objects).toEqual([
      { data: { kubeconfig: 'authority: Y2VydGlmaWNhdGU=\nserver: https://user@host' } },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('leaves alone what an administrator has changed', async () => {
  const api = fakeApi();
  const maps = '/api/v1/namespaces/kube-system/configmaps';
  const object = (value: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'coredns', namespace: 'kube-system' },
    data: { value },
  });
  await createIfMissing(api, object('ours'));
  expect(api.object(maps, 'coredns')).toMatchObject({ data: { value: 'ours' } });
  api.put(maps, object('theirs'));
  await createIfMissing(api, object('ours'));
  expect(api.object(maps, 'coredns')).toMatchObject({ data: { value: 'theirs' } });
});
