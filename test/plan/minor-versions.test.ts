/**
 * What a node gets of each minor version of Kubernetes, as the difference to the version before it:
 * test/golden/minor-versions/1.21.txt says what a node with 1.21 has that one with 1.20 has not. The whole of 1.20 is in
 * test/golden/single-cgroup-v1. After a change that is meant:
 *
 *     UPDATE_GOLDEN=1 npx vitest run --project unit test/plan/minor-versions.test.ts
 */
import { expect, it } from 'vitest';

import { newestMinor, oldestMinor } from '../../src/plan/versions/facts.ts';
import {
  clusterSpec,
  dnsSpec,
  fromRelease,
  machineOf,
  networkSpec,
  nodeSpec,
  planOf,
  sandboxFacts,
} from '../fixtures/cluster.ts';
import { expectGolden } from './expect-golden.ts';

const minors = Array.from({ length: newestMinor - oldestMinor + 1 }, (_, index) => oldestMinor + index);

/** Every file and unit of a control plane by its path; with what versions differ in: taints, two families, CoreDNS, cgroup v1. */
function filesOf(minor: number): Map<string, string> {
  const version = `v1.${minor}.0`;
  const plan = planOf({
    kubernetes: fromRelease(version),
    facts: sandboxFacts(),
    spec: {
      nodes: [nodeSpec({ taints: 'control-plane' })],
      network: networkSpec({ ipFamily: 'dual' }),
      dns: dnsSpec({ provider: 'coredns' }),
      podSecurity:
        minor < 22
          ? clusterSpec().podSecurity
          : {
              defaults: { enforce: 'baseline', 'enforce-version': 'latest' },
              exemptions: { usernames: [], namespaces: ['kube-system'], runtimeClasses: [] },
            },
    },
  });
  const { files, units, nodePatch } = machineOf(plan);
  const texts = [
    ...files.flatMap(({ path, content }) => ('text' in content ? [[path, content.text] as const] : [])),
    ...units.map(({ name, text }) => [`/etc/systemd/system/${name}`, text] as const),
    ['(the Node object)', JSON.stringify(nodePatch, undefined, 2)] as const,
  ];
  // objects are in one line of JSON: one value a line shows which one is another
  return new Map(
    texts.map(([path, text]) => [
      path,
      text.replaceAll(version, 'VERSION').replaceAll('\\n', '\n').replaceAll(',"', ',\n"'),
    ]),
  );
}

/** Lines that went and came, file by file; empty when nothing did. */
function difference(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths
    .map((path) => {
      const [old, now] = [before, after].map((files) => files.get(path)?.trimEnd().split('\n') ?? []);
      const gone = missing(old ?? [], now ?? []).map((line) => `- ${line.trim()}\n`);
      const come = missing(now ?? [], old ?? []).map((line) => `+ ${line.trim()}\n`);
      return gone.length + come.length === 0 ? '' : `${path}\n${gone.join('')}${come.join('')}\n`;
    })
    .join('');
}

/** Lines of the first text that the second has not, or less often. */
function missing(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const index = left.indexOf(line);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

it('differ from one another as recorded', async () => {
  const texts = minors.slice(1).map((minor): [string, string] => {
    const changes = difference(filesOf(minor - 1), filesOf(minor));
    return [`1.${minor}.txt`, changes === '' ? 'nothing\n' : changes.trimEnd() + '\n'];
  });
  await expectGolden('minor-versions', new Map(texts));
});

it('are made alike for versions that are newer than the newest', () => {
  expect(difference(filesOf(newestMinor), filesOf(newestMinor + 3))).toBe('');
});
