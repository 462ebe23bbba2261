/** docs/versions.md: what a version of Kubernetes needs, from the tables that plans are made from. */

import {
  cniPluginsRelease,
  componentTopics,
  containerdFormats,
  runcOfContainerd,
} from '../src/plan/versions/components.ts';
import { etcdUpgrades, removedEtcdFlags } from '../src/plan/versions/etcd.ts';
import { newestMinor, oldestMinor, valueAt } from '../src/plan/versions/facts.ts';
import type { Fact, Topic } from '../src/plan/versions/facts.ts';
import { removedFlags } from '../src/plan/versions/flags.ts';
import { kubeadmTopics } from '../src/plan/versions/kubeadm-images.ts';
import { versionProblems } from '../src/plan/versions/problems.ts';
import {
  containerdWithRuntimeConfig,
  criOfContainerd,
  suites,
  startsOnCgroupV1,
  suitesRead,
  systemdWithoutCgroupV1,
} from '../src/plan/versions/suites.ts';
import type { Suite } from '../src/plan/versions/suites.ts';
import {
  apiTopics,
  controlPlaneTopics,
  kubeletTopics,
  proxyTopics,
  runtimeTopics,
} from '../src/plan/versions/table.ts';
import { loadSpec } from '../src/spec/load.ts';
import { page, table } from './markdown.ts';

const minors = Array.from({ length: newestMinor - oldestMinor + 1 }, (_, index) => oldestMinor + index);

type Answer = string | number | boolean | readonly string[];

export function versionsPage(): string {
  return page('Kubernetes versions', [
    `knest makes clusters of Kubernetes 1.${oldestMinor} to 1.${newestMinor}. Older versions are refused. Newer ones are made as`,
    `for 1.${newestMinor}, with a warning. What does not go together is refused before anything is downloaded or built. What works`,
    'and is supported by nobody, such as a kubelet that is too old for its API server, is a warning.',
    '',
    'This page is written from the tables that plans are made from, `src/plan/versions`. What a node of each version gets, as',
    'the difference to the version before it, is in `test/golden/minor-versions`.',
    '',
    '## Debian suites of the nodes',
    '',
    `etcd, containerd, runc and the CNI plugins are the suite’s where they are good enough for the node’s Kubernetes, else they`,
    '[come from their projects](where-kubernetes-comes-from.md#containerd-runc-cni-plugins-etcd). Versions as of',
    `${suitesRead}; the last column is about the suite’s own containerd.`,
    '',
    ...table(
      ['`--suite`', 'systemd', 'containerd', 'runc', 'etcd', 'CNI plugins', 'on cgroup v1', 'Kubernetes'],
      suites.map((suite) => [
        suite.debian === undefined ? suite.name : `${suite.name} (Debian ${suite.debian})`,
        ...[suite.systemd, suite.containerd, suite.runc, suite.etcd, suite.cniPlugins],
        startsOnCgroupV1(suite) ? 'yes' : 'beside v2',
        `1.${minors.find((minor) => fits(suite, minor)) ?? ''} and newer`,
      ]),
    ),
    '',
    `- containerd serves CRI v1alpha2 before ${criOfContainerd.v1alpha2.before}, v1 since ${criOfContainerd.v1.since}, and the call`,
    `  \`RuntimeConfig\` since ${containerdWithRuntimeConfig} (containerd: RELEASES.md).`,
    `- systemd ${systemdWithoutCgroupV1} and newer do not start on cgroup v1 (systemd: NEWS). On a host that has it, such a node boots on a`,
    '  v2 tree without controllers, and containerd and the kubelet see those of v1.',
    '',
    'A mirror that is a snapshot of Debian’s archive has the versions of its day, and is not checked.',
    '',
    '## From releases',
    '',
    'What is taken where the suite’s is not good enough, or `source: release` says no version:',
    '',
    ...rowsOf(componentTopics),
    '',
    ...table(
      ['containerd', 'runc that goes with it, at least', 'Source'],
      runcOfContainerd.map(({ since, value, source }) => [fromVersion(since), value, source]),
    ),
    '',
    `CNI plugins: ${cniPluginsRelease.value} (${cniPluginsRelease.source}).`,
    '',
    ...table(
      ['containerd', 'Version of its config.toml', 'Source'],
      containerdFormats.map(({ since, value, source }) => [fromVersion(since), String(value), source]),
    ),
    '',
    'etcd’s members go from line to line only forwards, one line at a time, and not from any patch:',
    '',
    ...table(
      ['etcd', 'takes over from', 'Source'],
      etcdUpgrades.map(({ to, from, source }) => [to, `${from} or newer`, source]),
    ),
    '',
    ...section('The kubelet', kubeletTopics),
    ...section('The kubelet and containerd', runtimeTopics),
    ...section('Control planes', controlPlaneTopics),
    ...section('kube-proxy', proxyTopics),
    ...section('Objects', apiTopics),
    '## Flags that are gone',
    '',
    'A component does not start with a flag that it does not know. These are refused in `extraArgs`:',
    '',
    ...table(
      ['Of', 'Flags', 'Until', 'Instead', 'Source'],
      removedFlags.map(({ component, flags, until, instead, source }) => [
        `\`${component}\``,
        flags.map((flag) => `\`${flag}\``).join(', '),
        `1.${until}`,
        instead,
        source,
      ]),
    ),
    '',
    'And of etcd, by its own version:',
    '',
    ...removedEtcdFlags.map(
      ({ flags, since, instead, source }) =>
        `- before ${since}: ${flags.map((flag) => `\`${flag}\``).join(', ')}; now ${instead} (${source})`,
    ),
    '',
    '## What kubeadm takes',
    '',
    'For comparison; of these knest takes CoreDNS, with `dns.provider: coredns`.',
    '',
    ...table(
      ['Kubernetes', 'etcd', 'least etcd', 'pause', 'CoreDNS', 'CNI plugins'],
      minors.map((minor) => [
        `1.${minor}`,
        valueAt(kubeadmTopics.etcd, minor),
        valueAt(kubeadmTopics.leastEtcd, minor),
        valueAt(kubeadmTopics.pause, minor),
        valueAt(kubeadmTopics.coreDnsImage, minor).replace(/^.*:v?/, ''),
        valueAt(kubeadmTopics.cniPlugins, minor),
      ]),
    ),
    '',
    ...Object.values(kubeadmTopics).map(
      ({ what, facts }) => `- ${what}: ${facts[0]?.source ?? ''} and the same file of later versions`,
    ),
  ]);
}

function section(title: string, topics: Readonly<Record<string, Topic<Answer>>>): string[] {
  return [`## ${title}`, '', ...rowsOf(topics), ''];
}

/** "2.3.0 and newer"; the oldest of a list is for all before. */
function fromVersion(since: string): string {
  return since === '0.0.0' ? 'before' : `${since} and newer`;
}

function rowsOf(topics: Readonly<Record<string, Topic<Answer>>>): string[] {
  const rows = Object.values(topics).flatMap((topic) =>
    topic.facts.map((fact, index) => [
      index === 0 ? topic.what : '',
      rangeOf(fact),
      answer(fact.value),
      fact.source,
    ]),
  );
  return table(['What', 'Kubernetes', '', 'Source'], rows);
}

function answer(value: Answer): string {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  return typeof value === 'object' ? value.join(', ') : String(value);
}

function rangeOf({ since, until }: Omit<Fact<unknown>, 'value' | 'source'>): string {
  if (since !== undefined && since === until) return `1.${since}`;
  if (since === undefined) return until === undefined ? 'all' : `to 1.${until}`;
  return until === undefined ? `from 1.${since}` : `1.${since} to 1.${until}`;
}

/** Asks what a plan would: the page must not promise what is refused. */
function fits({ name }: Suite, minor: number): boolean {
  const { spec } = loadSpec({ flags: { suite: name } });
  return versionProblems(spec, () => `v1.${minor}.0`).length === 0;
}
