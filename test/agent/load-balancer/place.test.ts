import { expect, it } from 'vitest';

import { placeAddresses } from '../../../src/agent/load-balancer/place.ts';
import type { Placing } from '../../../src/agent/load-balancer/place.ts';

const worker = (name: string, fit = true) => ({ name, fit, controlPlane: false });

function placed(changes: Partial<Placing>, ...local: string[]): Record<string, string> {
  const names = ['a', 'b', 'c'];
  return Object.fromEntries(
    placeAddresses({
      wishes: names.map((name) => ({ name, local: local.includes(name) })),
      addresses: new Map(names.map((name, index) => [name, [`10.0.0.${index + 1}`]])),
      candidates: [worker('one'), worker('two')],
      endpoints: () => new Set(),
      before: new Map(),
      ...changes,
    }),
  );
}

it('spreads addresses', () => {
  expect(placed({})).toEqual({ '10.0.0.1': 'one', '10.0.0.2': 'two', '10.0.0.3': 'one' });
});

it('leaves an address where it is while that node is fit, and moves only those of one that is not', () => {
  const before = new Map([
    ['10.0.0.1', 'two'],
    ['10.0.0.2', 'two'],
    ['10.0.0.3', 'one'],
  ]);
  expect(placed({ before })).toEqual(Object.fromEntries(before));
  const candidates = [worker('one', false), worker('two')];
  expect(placed({ before, candidates })).toEqual({ '10.0.0.1': 'two', '10.0.0.2': 'two', '10.0.0.3': 'two' });
  expect(placed({ before, candidates: [worker('one')] })).toMatchObject({ '10.0.0.1': 'one' });
});

it('asks control planes last', () => {
  const controlPlane = { ...worker('control-plane'), controlPlane: true };
  expect(placed({ candidates: [controlPlane, worker('one')] })).toMatchObject({
    '10.0.0.1': 'one',
    '10.0.0.2': 'one',
  });
  expect(placed({ candidates: [controlPlane, worker('one', false)] })['10.0.0.1']).toBe('control-plane');
});

it('leaves an address with somebody unfit rather than with nobody', () => {
  const before = new Map([['10.0.0.1', 'two']]);
  const candidates = [worker('one', false), worker('two', false)];
  expect(placed({ before, candidates })).toEqual({ '10.0.0.1': 'two' });
});

it('lets only nodes with endpoints answer for a Service that wants that', () => {
  const endpoints = (service: string) => new Set(service === 'a' ? ['two'] : []);
  const before = new Map([
    ['10.0.0.1', 'one'],
    ['10.0.0.2', 'one'],
  ]);
  expect(placed({ endpoints, before }, 'a', 'b')).toEqual({ '10.0.0.1': 'two', '10.0.0.3': 'one' });
});
