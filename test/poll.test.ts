import { describe, expect, it } from 'vitest';

import { pause, pollUntil } from '../src/poll.ts';

describe('pollUntil', () => {
  it('tries until something is found', async () => {
    let attempts = 0;
    const found = await pollUntil({ interval: 1 }, () => {
      attempts += 1;
      return Promise.resolve(attempts < 3 ? undefined : { value: 'there' });
    });
    expect([found, attempts]).toEqual(['there', 3]);
  });

  it('takes undefined for a finding', async () => {
    let attempts = 0;
    await pollUntil({ interval: 1 }, () => {
      attempts += 1;
      return Promise.resolve({ value: undefined });
    });
    expect(attempts).toBe(1);
  });

  it('ends with what an attempt throws', async () => {
    let attempts = 0;
    const failing = pollUntil({ interval: 1 }, () => {
      attempts += 1;
      return Promise.reject(new Error('hopeless'));
    });
    await expect(failing).rejects.toThrow('hopeless');
    expect(attempts).toBe(1);
  });

  it('gives up with the error of its caller, after one attempt at least', async () => {
    let attempts = 0;
    const error = (waited: number): Error =>
      new Error(`nothing after ${waited > 20 ? 'a while' : 'no time'}`);
    const waiting = pollUntil({ interval: 5, limit: { timeout: 20, error } }, () => {
      attempts += 1;
      return Promise.resolve(undefined);
    });
    await expect(waiting).rejects.toThrow('nothing after a while');
    expect(attempts).toBeGreaterThan(1);
  });

  it('stops during a pause, with the reason', async () => {
    const controller = new AbortController();
    const started = Date.now();
    const waiting = pollUntil({ interval: 60_000, signal: controller.signal }, () => {
      controller.abort(new Error('enough'));
      return Promise.resolve(undefined);
    });
    await expect(waiting).rejects.toThrow('enough');
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('does not begin when it is told to stop before', async () => {
    const waiting = pollUntil({ interval: 1, signal: AbortSignal.abort(new Error('enough')) }, () =>
      Promise.reject(new Error('was tried')),
    );
    await expect(waiting).rejects.toThrow('enough');
  });

  it('may wait longer from time to time', async () => {
    const asked: number[] = [];
    const interval = (attempts: number): number => {
      asked.push(attempts);
      return 1;
    };
    await pollUntil({ interval }, () => Promise.resolve(asked.length < 3 ? undefined : { value: undefined }));
    expect(asked).toEqual([1, 2, 3]);
  });
});

it('a pause ends with the reason of its signal', async () => {
  await pause(1);
  const controller = new AbortController();
  const pausing = pause(60_000, controller.signal);
  controller.abort(new Error('enough'));
  await expect(pausing).rejects.toThrow('enough');
});
