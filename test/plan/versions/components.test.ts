import semver from 'semver';
import { describe, expect, it } from 'vitest';

import { unfitReason } from '../../../src/plan/node-components.ts';
import {
  cniPluginsRelease,
  containerdFormats,
  recommendedFor,
  runcFor,
  runcOfContainerd,
} from '../../../src/plan/versions/components.ts';
import { etcdUpgradeProblem, etcdUpgrades, removedEtcdFlags } from '../../../src/plan/versions/etcd.ts';
import { newestMinor, oldestMinor } from '../../../src/plan/versions/facts.ts';
import { versionProblems } from '../../../src/plan/versions/problems.ts';
import { componentsOfSuite } from '../../../src/plan/node-components.ts';
import { clusterSpec, componentsSpec, flagsOf, machineOf, planOf } from '../../fixtures/cluster.ts';

// one more than the table: announced changes
const minors = Array.from({ length: newestMinor - oldestMinor + 2 }, (_, index) => oldestMinor + index);

describe('releases that are taken', () => {
  it.each(minors)('go with Kubernetes 1.%d', (minor) => {
    const version = `v1.${minor}.0`;
    for (const component of ['containerd', 'etcd'] as const)
      expect(unfitReason(component, recommendedFor(component, version), version)).toBeUndefined();
    expect(semver.valid(runcFor(recommendedFor('containerd', version)))).not.toBeNull();
  });

  it('are versions, newest first', () => {
    expect(semver.valid(cniPluginsRelease.value)).not.toBeNull();
    for (const list of [runcOfContainerd, containerdFormats]) {
      const since = list.map((one) => one.since);
      expect([...since].sort(semver.rcompare)).toEqual(since);
    }
  });
});

describe('etcd’s upgrades', () => {
  it.each([
    ['3.5.16', '3.5.30'],
    ['3.5.30', '3.5.16'],
    ['3.4.23', '3.5.16'],
    ['3.5.26', '3.6.14'],
    ['3.6.11', '3.7.0'],
  ])('%s to %s', (from, to) => {
    expect(etcdUpgradeProblem(from, to)).toBeUndefined();
  });

  it.each([
    ['3.5.16', '3.6.14', 'first upgrade etcd to 3.5.26 or a newer 3.5'],
    ['3.6.4', '3.7.0', 'first upgrade etcd to 3.6.11 or a newer 3.6'],
    ['3.4.23', '3.6.14', 'first upgrade etcd to 3.5'],
    ['3.5.30', '3.7.0', 'first upgrade etcd to 3.6'],
    ['3.6.14', '3.5.30', 'restore a snapshot that was taken before the upgrade'],
  ])('%s to %s is refused', (from, to, hint) => {
    expect(etcdUpgradeProblem(from, to)).toMatchObject({ hint });
  });

  it('leave from a version that the line has, to the next line', () => {
    for (const { from, to } of etcdUpgrades)
      expect(`${semver.major(from)}.${semver.minor(from) + 1}`).toBe(to);
  });
});

describe('etcd’s flags', () => {
  it('that knest writes are none that are gone', () => {
    const gone = new Set(removedEtcdFlags.flatMap(({ flags }) => flags));
    const written = Object.keys(flagsOf(machineOf(planOf()), 'etcd.service'));
    expect(written).toContain('data-dir');
    expect(written.filter((flag) => gone.has(flag))).toEqual([]);
  });

  const problems = (etcd: string, extraArgs: Record<string, string>) => {
    const spec = clusterSpec({ components: componentsSpec({ etcd: { extraArgs, extraVolumes: [] } }) });
    const components = { ...componentsOfSuite({ suite: undefined, role: 'control-plane' }, spec.image) };
    return versionProblems(
      spec,
      () => 'v1.36.2',
      () => ({ ...components, etcd: { version: etcd, reason: '' } }),
    );
  };

  it('that are gone are refused with what to do instead', () => {
    const extraArgs = { 'enable-v2': 'true', 'experimental-initial-corrupt-check': 'true' };
    expect(problems('3.5.33', extraArgs)).toEqual([]);
    expect(problems('3.6.14', extraArgs)).toEqual([
      {
        path: 'components.etcd.extraArgs.enable-v2',
        message: 'is a flag that etcd has before 3.6.0 only, and knest-control-plane has 3.6.14',
        hint: 'leave it out: the API of version 2 and the proxy are gone',
      },
    ]);
    expect(problems('3.7.0', extraArgs).map(({ path }) => path)).toEqual([
      'components.etcd.extraArgs.enable-v2',
      'components.etcd.extraArgs.experimental-initial-corrupt-check',
    ]);
  });

  it('an etcd that is too old is refused', () => {
    expect(problems('3.3.25', {})).toMatchObject([{ path: 'components.etcd' }]);
  });
});
