import { expect, it } from 'vitest';

import { loadSpec } from '../../src/spec/load.ts';

const header = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n';
const from = (text: string, manifests?: readonly string[]) =>
  loadSpec({
    flags: manifests ? { manifests } : {},
    config: { text: `${header}${text}`, name: 'c.yaml' },
  }).spec.manifests?.map((source) => source.from);

it('of the flag come after those of the file', () => {
  expect(from('')).toBeUndefined();
  expect(from('manifests: [/a.yaml]')).toEqual(['/a.yaml']);
  expect(from('manifests: [/a.yaml]', ['https://x.example/b.yaml', '/c'])).toEqual([
    '/a.yaml',
    'https://x.example/b.yaml',
    '/c',
  ]);
});

it('that cannot be are told by the flag', () => {
  expect(() => from('', ['relative'])).toThrow('The flags: 1 problem');
});
