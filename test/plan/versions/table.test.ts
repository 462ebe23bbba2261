import { describe, expect, it } from 'vitest';

import { covers, minorOf, newestMinor, oldestMinor, valueAt } from '../../../src/plan/versions/facts.ts';
import type { Topic } from '../../../src/plan/versions/facts.ts';
import { removedFlags } from '../../../src/plan/versions/flags.ts';
import { kubeadmTopics } from '../../../src/plan/versions/kubeadm-images.ts';
import { knownSuite, suites } from '../../../src/plan/versions/suites.ts';
import * as table from '../../../src/plan/versions/table.ts';
import { versionTraits } from '../../../src/plan/versions/traits.ts';
import { knownSuites } from '../../../src/spec/words.ts';

const topics: readonly (readonly [string, Topic<unknown>])[] = [
  ...Object.values(table).flatMap((group) => Object.entries(group)),
  ...Object.entries(kubeadmTopics),
];
const minors = Array.from({ length: newestMinor - oldestMinor + 1 }, (_, index) => oldestMinor + index);

describe('the table of versions', () => {
  it.each(topics)('has one answer about %s for each minor version, and a source for it', (_name, topic) => {
    for (const minor of minors) {
      const fitting = topic.facts.filter((fact) => covers(fact, minor));
      expect(fitting.length, `facts for 1.${minor}`).toBeLessThanOrEqual(1);
      expect(valueAt(topic, minor)).toBeDefined();
    }
    for (const { source } of topic.facts) expect(source).not.toBe('');
  });

  it('answers for newer versions as for the newest, but for what is announced', () => {
    const [newest, newer] = [versionTraits(`v1.${newestMinor}.0`), versionTraits('v1.99.0')];
    expect(newer).toEqual({ ...newest, runtimeConfig: 'required' });
    expect(versionTraits('v2.0.0')).toEqual(newer);
  });

  it('knows pre-releases by the minor version that they lead to', () => {
    expect(minorOf('v1.37.0-rc.1')).toBe(37);
  });

  it('names no flag twice for one component', () => {
    const names = removedFlags.flatMap(({ component, flags }) => flags.map((flag) => `${component} ${flag}`));
    expect(names).toEqual([...new Set(names)]);
  });
});

describe('the suites', () => {
  it('have all that knest offers, by their names and by what they are at the moment', () => {
    for (const name of knownSuites) expect(knownSuite(name)?.name).toBe(name);
    expect(knownSuite('unstable')?.name).toBe('sid');
    expect(new Set(suites.flatMap(({ name, aliases }) => [name, ...aliases])).size).toBe(2 * suites.length);
  });

  it('say nothing of a snapshot, nor of a suite that nobody knows', () => {
    expect(knownSuite('sid', 'https://snapshot.debian.org/archive/debian/20250101T000000Z')).toBeUndefined();
    expect(knownSuite('bullseye')).toBeUndefined();
  });
});
