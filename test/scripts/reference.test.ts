import { describe, expect, it } from 'vitest';
import { referencePages, stalePages } from '../../scripts/reference.ts';

describe('docs/reference', () => {
  it('is what the program says now (npx tsx scripts/reference.ts writes it)', async () => {
    expect(await stalePages()).toEqual([]);
  });

  it('knows every command and field', async () => {
    const pages = await referencePages();
    const commands = pages.get('docs/reference/commands.md');
    for (const name of ['create cluster', 'load image-archive', 'kubectl', 'version']) {
      expect(commands).toContain(`## knest ${name}\n`);
    }
    expect(commands).not.toContain('knest complete\n');
    expect(pages.get('docs/reference/config.md')).toContain('`nodes[].role`');
    expect(JSON.parse(pages.get('docs/reference/cluster.schema.json') ?? '')).toMatchObject({
      additionalProperties: false,
      required: ['apiVersion', 'kind'],
    });
  });
});
