import { expect, it } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import { askPrograms } from '../../../src/operations/upgrade/ask-programs.ts';
import { clusterSpec, componentsSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';

const paths = { state: '/var/lib/knest', cache: '/c' };
const nodes = nodesOf('control-plane', 'worker');
const kubernetes = { ...clusterSpec().kubernetes, featureGates: { Good: true, Gone: true, Locked: false } };
const spec = clusterSpec({
  nodes,
  kubernetes,
  components: componentsSpec({
    kubeApiserver: { extraArgs: { 'gone-flag': '1', v: '4' }, extraVolumes: [] },
    kubelet: { extraArgs: { v: '4' }, config: {} },
  }),
});
const plan = planOf({ spec });
const layers = new Set(plan.layers.filter(({ kind }) => kind === 'kubernetes').map(({ id }) => id));

/** The programs of a version that has neither the flag nor one of the gates. */
function host() {
  return memoryHost({
    answers: Object.fromEntries(
      ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet'].map((name) => [
        `/c/layers/${[...layers][0] ?? ''}/usr/local/bin/${name}`,
        (argv) => {
          const text = argv.join(' ');
          if (text.includes('gone-flag')) return { exitCode: 1, stderr: 'Error: unknown flag: --gone-flag' };
          if (!text.includes('--feature-gates')) return {};
          if (text.includes('Gone')) return { exitCode: 1, stderr: 'unrecognized feature gate: Gone' };
          if (!text.includes('Locked')) return { exitCode: 1, stderr: 'no such file' };
          const stderr = 'cannot set feature gate Locked to false, feature is locked to true';
          return { exitCode: 1, stderr };
        },
      ]),
    ),
  });
}

it('names every flag and gate that a program refuses', async () => {
  const asked = host();
  const problems = await askPrograms({ host: asked, paths }, spec, plan.machines.slice(0, 1), layers);
  const said = problems.map(({ check, message }) => `${check} ${message}`);
  expect(said).toContain(
    'flags components.kubeApiserver.extraArgs.gone-flag: kube-apiserver v1.20.2 says "unknown flag: --gone-flag"',
  );
  expect(said.filter((one) => one.startsWith('flags'))).toHaveLength(1);
  expect(said).toContain('feature-gates featureGates.Gone: kubelet v1.20.2 does not know it');
  expect(said).toContain('feature-gates featureGates.Locked: kubelet v1.20.2 does not let it be false');
  expect(said.filter((one) => one.startsWith('feature-gates'))).toHaveLength(10);
  expect(said.some((one) => one.includes('Good'))).toBe(false);
});

it('asks nothing where the user has set nothing', async () => {
  const asked = host();
  expect(await askPrograms({ host: asked, paths }, clusterSpec(), plan.machines, layers)).toEqual([]);
  expect(asked.commands).toEqual([]);
});

it('asks workers about what runs there only', async () => {
  const asked = host();
  await askPrograms({ host: asked, paths }, spec, plan.machines.slice(1), layers);
  const programs = asked.commands.map(([path]) => path?.split('/').at(-1));
  expect([...new Set(programs)]).toEqual(['kube-proxy', 'kubelet']);
});
