import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { openKubelets } from '../../../src/agent/metrics/kubelets.ts';
import type { NodeObject } from '../../../src/clients/kubernetes/objects.ts';
import { summary } from './fixture.ts';

let lines: string[];

beforeEach(() => {
  lines = [];
  vi.useFakeTimers();
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
});
afterEach(() => vi.useRealTimers());

function node(name: string, address: string | undefined, ready = 'True', port?: number): NodeObject {
  return {
    metadata: { name },
    status: {
      addresses: address === undefined ? [] : [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: ready }],
      ...(port === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: port } } }),
    },
  };
}

it('asks each kubelet where its node says, once for all who want to know at the same time', async () => {
  const asked: string[] = [];
  const kubelets = openKubelets((url) => {
    asked.push(url.href);
    return Promise.resolve(JSON.stringify(summary()));
  });
  const nodes = [node('one', '10.0.0.2'), node('six', 'fd00::2', 'False', 10350)];
  await Promise.all([...nodes, ...nodes].map((each) => kubelets.usage(each)));
  expect(asked).toEqual([
    'https://10.0.0.2:10250/stats/summary?only_cpu_and_memory=true',
    'https://[fd00::2]:10350/stats/summary?only_cpu_and_memory=true',
  ]);
  vi.advanceTimersByTime(4999);
  await kubelets.usage(node('one', '10.0.0.2'));
  expect(asked).toHaveLength(2);
  vi.advanceTimersByTime(2);
  expect((await kubelets.usage(node('one', '10.0.0.2')))?.node?.bytes).toBe(2 ** 30);
  expect(asked).toHaveLength(3);
});

it('does not wait for nodes that are given up, or have no address', async () => {
  const ask = vi.fn();
  const kubelets = openKubelets(ask);
  expect(await kubelets.usage(node('dead', '10.0.0.3', 'Unknown'))).toBeUndefined();
  expect(await kubelets.usage(node('new', undefined))).toBeUndefined();
  expect(ask).not.toHaveBeenCalled();
});

it('says once that a kubelet does not answer, and that it answers again', async () => {
  let answer = (): Promise<string> => Promise.reject(new Error('401 Unauthorized'));
  const kubelets = openKubelets(() => answer(), 0);
  const one = node('one', '10.0.0.2');
  for (let times = 3; times > 0; times -= 1) {
    expect(await kubelets.usage(one)).toBeUndefined();
    vi.advanceTimersByTime(1);
  }
  expect(lines).toEqual(['<4>kubelet of one: 401 Unauthorized']);
  answer = () => Promise.resolve('<html>');
  expect(await kubelets.usage(one)).toBeUndefined();
  vi.advanceTimersByTime(1);
  answer = () => Promise.resolve('{}');
  expect(await kubelets.usage(one)).toBeDefined();
  expect(lines.slice(1)).toEqual(['<6>kubelet of one answers again']);
});
