import { expect, it } from 'vitest';

import { loadSpec } from '../../src/spec/load.ts';
import type { SpecFlags } from '../../src/spec/load.ts';

function metrics(text: string, flags: SpecFlags = {}): boolean {
  const header = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n';
  return loadSpec({ flags, config: { text: `${header}${text}`, name: 'c.yaml' } }).spec.metrics;
}

it('are there unless the file or the flag says no', () => {
  expect(metrics('')).toBe(true);
  expect(metrics('metrics: false')).toBe(false);
  expect(metrics('metrics: true', { metrics: false })).toBe(false);
});

it('are switched off for kind’s config files by the flag', () => {
  const text = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';
  const { spec } = loadSpec({ flags: { metrics: false }, config: { text, name: 'kind.yaml' } });
  expect(spec.metrics).toBe(false);
});

it('are no word', () => {
  expect(() => metrics('metrics: none')).toThrow(/c\.yaml/);
});
