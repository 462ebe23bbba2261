import { expect, it } from 'vitest';

import { planOf } from '../../fixtures/cluster.ts';

const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };

it('manifests are a file of the first control plane, for root alone, and a unit that applies them', () => {
  const plan = planOf({ spec: { manifests: [{ from: '/a.yaml', objects: [namespace] }] } });
  const file = plan.machines[0]?.files.find(({ path }) => path.endsWith('knest-manifests.json'));
  expect(file?.mode).toBe(0o600);
  expect(file && 'text' in file.content ? JSON.parse(file.content.text) : undefined).toMatchObject({
    objects: [namespace],
  });
  const unit = plan.machines[0]?.units.find(({ name }) => name === 'knest-manifests.service');
  expect(unit?.text).toContain(`manifests ${file?.path ?? ''}`);
});

it('no unit where the config has none', () => {
  expect(planOf().machines[0]?.units.map(({ name }) => name)).not.toContain('knest-manifests.service');
});
