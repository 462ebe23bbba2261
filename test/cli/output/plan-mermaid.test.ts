/**
 * Mermaid itself is no dependency, as it takes 180 MB for what one call would need. By hand, mermaid.parse of Mermaid 11 has
 * taken each of these texts. */

import { expect, it } from 'vitest';

import { planMermaid } from '../../../src/cli/output/plan-mermaid.ts';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';
import { lease } from '../../fixtures/lease.ts';
import { networkSpec, nodeSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';
import { runCli } from '../run-cli.ts';

const ports = [{ containerPort: 80, hostPort: 8080, listenAddress: '127.0.0.1', protocol: 'TCP' as const }];
const shapes: Record<string, () => ClusterPlan> = {
  'one-node-with-a-port': () =>
    planOf({
      facts: hostFacts(),
      spec: { nodes: [nodeSpec({ extraPortMappings: ports })] },
    }),
  'several-nodes': () =>
    planOf({
      facts: hostFacts(),
      spec: { nodes: nodesOf('control-plane', 'control-plane', 'control-plane', 'worker') },
    }),
  'a-lan': () =>
    planOf({
      facts: hostFacts({ leases: { 'knest-control-plane': lease('192.0.2.103') } }),
      spec: { manager: 'systemd', network: networkSpec({ mode: { macvlan: 'eth0' }, dhcp: true }) },
    }),
  'the-network-of-the-host': () =>
    planOf({
      facts: hostFacts({ defaultAddress: '192.0.2.2' }),
      spec: { manager: 'systemd', network: networkSpec({ mode: 'host' }) },
    }),
};

it.each(Object.keys(shapes))('%s', async (name) => {
  const plan = shapes[name]?.() as ClusterPlan;
  await expect(planMermaid(plan)).toMatchFileSnapshot(`../../fixtures/mermaid/${name}.mmd`);
});

it.each(Object.keys(shapes))('%s leads only to what is there, and closes what it opens', (name) => {
  const text = planMermaid(shapes[name]?.() as ClusterPlan);
  const lines = text.split('\n').map((line) => line.trim());
  const defined = new Set(
    lines.flatMap((line) => /^(?:subgraph )?([\w-]+)(?:\[|\(\[|\{\{)"/.exec(line)?.[1] ?? []),
  );
  const edges = lines.flatMap((line) => {
    const [, from, to] = /^([\w-]+)(?:\(\[".*"\]\))? --[->] ([\w-]+)$/.exec(line) ?? [];
    return from === undefined || to === undefined ? [] : [from, to];
  });
  expect(edges.length).toBeGreaterThan(5);
  expect(edges.filter((id) => !defined.has(id))).toEqual([]);
  const opened = lines.filter((line) => line.startsWith('subgraph ')).length;
  expect(lines.filter((line) => line === 'end')).toHaveLength(opened);
});

it('is a format of plan cluster', async () => {
  const plan = shapes['several-nodes']?.() as ClusterPlan;
  const api = { planCluster: () => Promise.resolve({ plan, facts: {} as never }) };
  expect((await runCli(['plan', 'cluster', '-o', 'mermaid'], { api })).stdout).toBe(planMermaid(plan));
});
