import { expect, it } from 'vitest';

import { loadSpec } from '../../src/spec/load.ts';
import type { SpecFlags } from '../../src/spec/load.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';

const ours = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n';
const ofKind = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';

function spec(text: string, flags: SpecFlags = {}): ClusterSpec {
  return loadSpec({ flags, config: { text, name: 'c.yaml' } }).spec;
}

it('is off unless the file or the flag says so, with kind’s configs as well', () => {
  expect(spec(ours)).not.toHaveProperty('ingress');
  expect(spec(`${ours}ingress: false`)).not.toHaveProperty('ingress');
  expect(spec(`${ours}ingress: true`).ingress).toBe(true);
  expect(spec(ours, { ingress: true }).ingress).toBe(true);
  expect(spec(ofKind, { ingress: true }).ingress).toBe(true);
});

it('brings its program to the nodes, and only then', () => {
  expect(spec(ours).image.packages).toBeUndefined();
  expect(spec(`${ours}ingress: true`).image.packages).toEqual(['haproxy']);
  const more = `${ours}ingress: true\nimage: { packages: [tcpdump, haproxy] }`;
  expect(spec(more).image.packages).toEqual(['haproxy', 'tcpdump']);
});

it('is no word', () => {
  expect(() => spec(`${ours}ingress: nginx`)).toThrow(/c\.yaml/);
});
