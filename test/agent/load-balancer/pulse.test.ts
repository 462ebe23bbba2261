import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { answerPulse, takePulse } from '../../../src/agent/load-balancer/pulse.ts';

const times = { interval: 30, patience: 3 };
const closers: (() => void)[] = [];

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

it.each(['127.0.0.1', '::1'])('finds out when %s is silent, and when it is back', async (address) => {
  const heart = await answerPulse(address, 0);
  const { port } = heart.address();
  const changes: boolean[] = [];
  const pulse = takePulse(port, (who, alive) => changes.push(alive && who === address), times);
  closers.push(() => {
    pulse.close();
  });
  expect(pulse.isAlive(address)).toBe(true);
  pulse.watch([address]);
  await new Promise((resolve) => setTimeout(resolve, 10 * times.interval));
  expect(changes).toEqual([]);

  heart.close();
  await vi.waitUntil(() => !pulse.isAlive(address));
  expect(changes).toEqual([false]);

  const again = await answerPulse(address, port);
  closers.push(() => again.close());
  await vi.waitUntil(() => pulse.isAlive(address));
  expect(changes).toEqual([false, true]);

  pulse.watch([]);
  again.close();
  closers.pop();
  await new Promise((resolve) => setTimeout(resolve, 10 * times.interval));
  expect(changes).toHaveLength(2);
});
