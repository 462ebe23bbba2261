import { beforeEach, expect, it, vi } from 'vitest';

import { oneAtATime } from '../../src/agent/one-at-a-time.ts';
import { ApiError } from '../../src/clients/kubernetes/client.ts';

let logged: string[];

beforeEach(() => {
  logged = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void logged.push(line));
});

it('runs once for calls that come together, and once more for those during a run', async () => {
  let runs = 0;
  const ends: (() => void)[] = [];
  const call = oneAtATime('work', () => {
    runs += 1;
    return new Promise((resolve) => {
      ends.push(resolve);
    });
  });
  call();
  call();
  await expect.poll(() => runs).toBe(1);
  call();
  call();
  ends[0]?.();
  await expect.poll(() => runs).toBe(2);
  ends[1]?.();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(runs).toBe(2);
});

it('tries again after a failure, and logs the first of them', async () => {
  let runs = 0;
  const call = oneAtATime('addresses of Services', () => {
    runs += 1;
    return runs < 3 ? Promise.reject(new Error('refused')) : Promise.resolve();
  });
  call();
  await expect.poll(() => runs, { timeout: 5_000 }).toBe(3);
  expect(logged).toEqual(['<4>addresses of Services: refused']);
});

it('says nothing of a conflict', async () => {
  let runs = 0;
  const call = oneAtATime('addresses of Services', () => {
    runs += 1;
    return runs < 2 ? Promise.reject(new ApiError(409, 'has changed')) : Promise.resolve();
  });
  call();
  await expect.poll(() => runs, { timeout: 5_000 }).toBe(2);
  expect(logged).toEqual([]);
});
