import { describe, expect, it } from 'vitest';

import { loadSpec } from '../../src/spec/load.ts';

describe('nodes of a config', () => {
  const load = (count: number) => {
    const roles = ['control-plane', ...Array<string>(count - 1).fill('worker')];
    const nodes = roles.map((role) => `{ role: ${role} }`).join(', ');
    const text = `apiVersion: knest.dev/v1alpha1\nkind: Cluster\nnodes: [${nodes}]\n`;
    return loadSpec({ flags: {}, config: { text, name: 'lab.yaml' } }).spec;
  };

  it('can be as many as --nodes can ask for', () => {
    expect(load(1000).nodes).toHaveLength(1000);
    expect(() => load(5000)).toThrow(
      expect.objectContaining({
        problems: [
          expect.objectContaining({
            path: 'nodes',
            place: { file: 'lab.yaml', line: 3, column: 1 },
            message: 'lists 5000 nodes; a cluster can have 1000',
          }),
        ],
      }) as Error,
    );
  });
});
