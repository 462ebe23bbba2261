import { describe, expect, it } from 'vitest';

import {
  hasQuorum,
  isHealthy,
  lossByRemoving,
  lossByStopping,
  quorumOf,
} from '../../../src/clients/etcd/quorum.ts';
import type { QuorumMember } from '../../../src/clients/etcd/quorum.ts';

/** Members m0, m1, ... by a letter each: h(ealthy), d(ead), l(earner, healthy), x (learner, dead). */
function membersOf(letters: string): QuorumMember[] {
  return Array.from(letters, (letter, index) => ({
    name: `m${index}`,
    healthy: letter === 'h' || letter === 'l',
    learner: letter === 'l' || letter === 'x',
  }));
}

it.each([
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
])('of %i voters it takes %i', (voters, needed) => {
  expect(quorumOf(voters)).toBe(needed);
});

it('a member is healthy when it answers and knows a leader', () => {
  expect(isHealthy(undefined)).toBe(false);
  expect(isHealthy({ leader: undefined })).toBe(false);
  expect(isHealthy({ leader: '7' })).toBe(true);
});

describe('hasQuorum', () => {
  it.each([
    ['', false],
    ['h', true],
    ['d', false],
    ['hd', false],
    ['hhd', true],
    ['hdd', false],
    ['hhdd', false],
    ['hhll', true],
    ['hhxx', true],
    ['hdl', false],
  ])('%s: %s', (letters, expected) => {
    expect(hasQuorum(membersOf(letters))).toBe(expected);
  });
});

describe('lossByStopping', () => {
  it.each([
    ['h', ['m0'], undefined],
    ['hhh', ['m0'], undefined],
    ['hhh', ['m0', 'worker'], undefined],
    ['hhh', ['m0', 'm1'], { voters: 3, left: 1, needed: 2 }],
    ['hhd', ['m0'], { voters: 3, left: 1, needed: 2 }],
    ['hhd', ['m2'], undefined],
    // no quorum to lose
    ['hdd', ['m0'], undefined],
    ['hh', ['m1'], { voters: 2, left: 1, needed: 2 }],
    ['hhl', ['m2'], undefined],
    ['hl', ['m0'], undefined],
  ])('of %s stopping %j costs %j', (letters, stopping, expected) => {
    expect(lossByStopping(membersOf(letters), stopping)).toEqual(expected);
  });
});

describe('lossByRemoving', () => {
  it.each([
    ['hhh', ['m0'], undefined],
    // unlike stopping them: one that stays is a cluster of one
    ['hhh', ['m0', 'm1'], undefined],
    ['hh', ['m1'], undefined],
    ['hhd', ['m2'], undefined],
    ['hhd', ['m0'], { voters: 2, left: 1, needed: 2 }],
    // those of now must agree, and cannot
    ['hd', ['m1'], { voters: 1, left: 1, needed: 1 }],
    ['hdd', ['m1', 'm2'], { voters: 1, left: 1, needed: 1 }],
    ['hhl', ['m2'], undefined],
    ['hhl', ['m0'], undefined],
    // nobody is left who has a vote
    ['hl', ['m0'], { voters: 0, left: 0, needed: 1 }],
  ])('of %s removing %j costs %j', (letters, leaving, expected) => {
    expect(lossByRemoving(membersOf(letters), leaving)).toEqual(expected);
  });
});
