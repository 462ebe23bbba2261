import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { InputError } from '../../../src/errors.ts';
import { resolveManifests } from '../../../src/operations/phases/resolve-manifests.ts';
import { openSession } from '../../../src/operations/session.ts';
import { loadSpec } from '../../../src/spec/load.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-manifests-'));
});
afterEach(() => rm(folder, { recursive: true }));

const session = () => openSession({ workstation: { ...thisWorkstation(), env: {} } });
const read = (...from: string[]) =>
  resolveManifests(
    session(),
    from.map((one) => ({ from: one })),
  );
const map = (name: string, more = '') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${more}`;

async function problemsOf(...from: string[]): Promise<string[]> {
  try {
    await read(...from);
  } catch (error) {
    if (error instanceof InputError) return [...error.details];
    throw error;
  }
  return [];
}

describe('manifests are read', () => {
  it('from files, folders in the order of names, and URLs, in the order of the list', async () => {
    await writeFile(join(folder, 'one.yaml'), `${map('a')}---\n---\n${map('b')}`);
    await mkdir(join(folder, 'more'));
    await writeFile(
      join(folder, 'more/2.json'),
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } }),
    );
    await writeFile(
      join(folder, 'more/1.yml'),
      `apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: Pod, metadata: { name: p } }\n`,
    );
    await writeFile(join(folder, 'more/README.md'), 'text');
    const server = createServer((_, response) => response.end(map('web'))).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/web.yaml`;
    try {
      const found = await read(join(folder, 'more'), url, join(folder, 'one.yaml'));
      expect(found.map(({ objects }) => objects?.map(({ metadata }) => metadata.name))).toEqual([
        ['p', 'n'],
        ['web'],
        ['a', 'b'],
      ]);
    } finally {
      server.close();
    }
  });

  it('with modes as kubectl reads them', async () => {
    await writeFile(
      join(folder, 'a.yaml'),
      map('a', 'data: { mode: 0644, text: "0644", ten: 644, zero: 0 }\n'),
    );
    const [found] = await read(join(folder, 'a.yaml'));
    expect(found?.objects?.[0]).toMatchObject({ data: { mode: 420, text: '0644', ten: 644, zero: 0 } });
  });

  it('and what is none is told, all at once, with its place', async () => {
    const [broken, wrong] = [join(folder, 'broken.yaml'), join(folder, 'wrong.yaml')];
    await writeFile(broken, 'a: [\n');
    await writeFile(
      wrong,
      `${map('a')}---\nkind: Pod\n---\ntext\n---\napiVersion: v1\nkind: Pod\nmetadata: { generateName: x }\n`,
    );
    expect(await problemsOf(broken, wrong, `${folder}/nothing`, folder.replace(/$/, '/'))).toEqual([
      expect.stringMatching(/^.*broken\.yaml:\d+:\d+ {2}manifests\[0\]: /),
      `manifests[1]: ${wrong}, document 2: has no apiVersion`,
      `manifests[1]: ${wrong}, document 3: is no object of Kubernetes`,
      expect.stringMatching(/^manifests\[1\]: .*document 4: has generateName/),
      expect.stringMatching(/^manifests\[2\]: there is no file or folder/),
      // the folder has both of them
      expect.stringMatching(/broken\.yaml:\d+:\d+ {2}manifests\[3\]/),
      expect.stringMatching(/^manifests\[3\]: .*document 2/),
      expect.stringMatching(/^manifests\[3\]: .*document 3/),
      expect.stringMatching(/^manifests\[3\]: .*document 4/),
    ]);
    await mkdir(join(folder, 'empty'));
    expect(await problemsOf(join(folder, 'empty'))).toEqual([expect.stringContaining('has no .yaml')]);
  });
});

it('the config takes paths and URLs', () => {
  const load = (list: string) =>
    loadSpec({
      config: { text: `apiVersion: knest.dev/v1alpha1\nkind: Cluster\nmanifests: ${list}\n`, name: 'c.yaml' },
      flags: {},
    });
  expect(load('[/a.yaml, "https://example.test/b.yaml"]').spec.manifests).toEqual([
    { from: '/a.yaml' },
    { from: 'https://example.test/b.yaml' },
  ]);
  expect(() => load('[a.yaml]')).toThrow(InputError);
});
