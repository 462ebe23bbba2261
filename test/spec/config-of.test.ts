import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';

import { diffPlans, isEmpty } from '../../src/diff/diff-plans.ts';
import { inheritSpec } from '../../src/plan/change/inherit.ts';
import { unchangeableProblems } from '../../src/plan/change/unchangeable.ts';
import { keepFor } from '../../src/plan/keep.ts';
import { configOf } from '../../src/spec/config-of.ts';
import { loadSpec } from '../../src/spec/load.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';
import { planOf } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

const folder = new URL('../fixtures/config/', import.meta.url);
const kindFolder = new URL('../fixtures/kind/', import.meta.url);
const taints = [{ key: 'node-role.kubernetes.io/control-plane', value: '', effect: 'NoSchedule' as const }];

function configs(): [name: string, spec: ClusterSpec][] {
  const own = readdirSync(folder).filter((name) => /^valid-.*\.yaml$/.test(name));
  const kind = readdirSync(kindFolder).filter((name) => /\.yaml$/.test(name) && !name.startsWith('refused-'));
  return [
    ...own.map((name) => ({ name, at: new URL(name, folder) })),
    ...kind.map((name) => ({ name: `kind/${name}`, at: new URL(name, kindFolder) })),
  ].flatMap(({ name, at }): [string, ClusterSpec][] => {
    try {
      const config = { text: readFileSync(at, 'utf8'), name, directory: '/home/user' };
      return [[name, loadSpec({ config, flags: {} }).spec]];
    } catch {
      return [];
    }
  });
}

const read = (config: object): ClusterSpec =>
  loadSpec({ config: { text: stringify(config), name: 'lab.yaml' }, flags: {} }).spec;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('the config of a cluster', () => {
  const all = configs();

  it('is made of many', () => {
    expect(all.length).toBeGreaterThan(40);
  });

  it.each(all)('of %s, read again, is the same cluster', (_, spec) => {
    const config = configOf(spec, { controlPlaneTaints: taints });
    expect(plain(read(config))).toEqual(plain(spec));
  });

  it.each(all)('of %s with all defaults is the same cluster', (_, spec) => {
    const config = configOf(spec, { full: true, controlPlaneTaints: taints });
    expect(plain(read(config))).toEqual(plain(spec));
  });

  it('names nodes that are not called by their place in the list', () => {
    const spec = read({
      ...head,
      nodes: [{ role: 'control-plane' }, { role: 'worker' }, { role: 'worker' }],
    });
    const [control, , second] = spec.nodes;
    if (!control || !second) throw new Error('no nodes');
    const config = configOf({ ...spec, nodes: [control, second] }, { controlPlaneTaints: taints });
    expect(config.nodes).toEqual([{ role: 'control-plane' }, { name: 'lab-worker2', role: 'worker' }]);
    expect(read(config).nodes.map(({ name }) => name)).toEqual(['lab-control-plane', 'lab-worker2']);
  });
});

describe('a cluster that serves Ingresses', () => {
  it.each([
    [{}, undefined],
    [{ image: { packages: ['crun'] } }, { packages: ['crun'] }],
  ])('has the package for it without saying so (%j)', (more, image) => {
    const spec = read({ ...head, ...more, ingress: true });
    const config = configOf(spec, { controlPlaneTaints: taints });
    expect(config).toMatchObject({ ingress: true });
    expect(config.image).toEqual(image);
    expect(plain(read(config))).toEqual(plain(spec));
  });
});

describe('a root password in clear text', () => {
  const load = (rootPassword: string | undefined) =>
    loadSpec({
      config: { text: stringify({ ...head, ...(rootPassword ? { rootPassword } : {}) }), name: 'lab.yaml' },
      flags: {},
    });

  it('keeps its hash where the cluster has the same password', () => {
    const present = load('secret').spec;
    expect(load('secret').spec.rootPassword).not.toBe(present.rootPassword);
    expect(load('secret').specFor(present)).toEqual(present);
  });

  it('is hashed where the cluster has another one, or none', () => {
    const present = load('secret').spec;
    const other = load('Secret').specFor(present).rootPassword;
    expect(other).toMatch(/^\$6\$/);
    expect(other).not.toBe(present.rootPassword);
    expect(load('secret').specFor(load(undefined).spec).rootPassword).toMatch(/^\$6\$/);
    expect(load(undefined).specFor(present).rootPassword).toBeUndefined();
  });

  it('is written as it is where it is a hash', () => {
    const hash = load('secret').spec.rootPassword;
    expect(load(hash).specFor(load('secret').spec).rootPassword).toBe(hash);
  });
});

const head = { apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name: 'lab' };

describe('applying the config of a cluster as it is', () => {
  it.each(configs().filter(([, spec]) => canBeMade(spec)))('of %s changes nothing', (_, spec) => {
    const facts = hostFacts({ hostPaths: {} });
    const before = planOf({ spec, facts });
    const known = plain(spec) as ClusterSpec;
    const wanted = inheritSpec(known, read(configOf(known, { controlPlaneTaints: taints })));
    expect(unchangeableProblems(before, known, wanted)).toEqual([]);
    const keep = keepFor(before, known, wanted);
    const after = planOf({ spec: wanted, facts, previous: before, keep });
    expect(diffPlans(before, after)).toSatisfy(isEmpty);
  });
});

/** On a host on paper, which has no links, no archives of images and one Kubernetes. */
function canBeMade(spec: ClusterSpec): boolean {
  try {
    planOf({ spec, facts: hostFacts({ hostPaths: {} }) });
    return true;
  } catch {
    return false;
  }
}
