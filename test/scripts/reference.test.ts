import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { referencePages, stalePages } from '../../scripts/reference.ts';

describe('docs/reference', () => {
  it(
    'is what the program says now (npx tsx scripts/reference.ts writes it)',
    { timeout: 60_000 },
    async () => {
      expect(await stalePages()).toEqual([]);
    },
  );

  it('knows every command and field', async () => {
    const pages = await referencePages();
    const commands = pages.get('docs/reference/commands.md');
    for (const name of ['create cluster', 'load image-archive', 'kubectl', 'version']) {
      expect(commands).toContain(`## knest ${name}\n`);
    }
    expect(commands).not.toContain('knest complete\n');
    expect(pages.get('docs/reference/config.md')).toContain('`nodes[].extraMounts[].hostPath`');
    expect(JSON.parse(pages.get('schema/cluster.schema.json') ?? '')).toMatchObject({
      additionalProperties: false,
      required: ['apiVersion', 'kind'],
    });
  });
});

describe('schema/cluster.schema.json', () => {
  const fixture = async (name: string): Promise<unknown> =>
    parse(await readFile(new URL(`../fixtures/config/${name}`, import.meta.url), 'utf8'));
  const schema = async () => {
    const text = (await referencePages()).get('schema/cluster.schema.json') ?? '';
    return z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
  };

  it.each(['valid-full.yaml', 'valid-ha.yaml', 'valid-minimal.yaml'])('accepts %s', async (name) => {
    expect((await schema()).safeParse(await fixture(name)).error).toBeUndefined();
  });

  it('sees wrong keys, types and words', async () => {
    const { error } = (await schema()).safeParse(await fixture('invalid-everything.yaml'));
    const paths = (error?.issues ?? []).map(({ path }) => path.join('.'));
    expect(paths).toEqual(
      expect.arrayContaining([
        'apiVersion',
        'network.cni',
        'network.apiServer.port',
        'components.kubeApiserver.extraArgs.v',
        'components.kubelet.config',
        'nodes.0.taints.0.effect',
        'nodes.0.resources.tasks',
        'nodes.1.extraMounts.2',
        'nodes.1.extraPortMappings.1.containerPort',
      ]),
    );
  });
});
