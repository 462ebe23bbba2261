import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { haProxy } from '../../../src/agent/ingress/proxy.ts';
import type { Rendering } from '../../../src/agent/ingress/proxy.ts';

let folder: string;
let ran: string[];
let answer: { code: number; said: string };

beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  folder = await mkdtemp(`${tmpdir()}/knest-proxy-`);
  ran = [];
  answer = { code: 0, said: '' };
});
afterEach(() => rm(folder, { recursive: true }));

const proxyHere = () =>
  haProxy({
    ...{ folder, unit: 'knest-ingress.service' },
    run: (argv) => {
      ran.push(argv.join(' '));
      return Promise.resolve(answer);
    },
  });
const rendering =
  (text: string): Rendering =>
  (own) =>
    new Map([['haproxy.cfg', `${text} of ${own}\n`]]);

it('tries files where nobody looks at them, and says why they are refused', async () => {
  const proxy = proxyHere();
  expect(await proxy.check(rendering('good'))).toBeUndefined();
  expect(ran).toEqual([`haproxy -c -q -f ${folder}/checked/haproxy.cfg`]);
  answer = {
    code: 1,
    said: '[NOTICE]   (7) : haproxy version is 2.6\n[ALERT]    (7) : config : no such thing\n',
  };
  expect(await proxy.check(rendering('bad'))).toBe('config : no such thing');
  expect(await readdir(folder)).toEqual([]);
});

it('goes by the new files alone, of which only root can read keys', async () => {
  const proxy = proxyHere();
  await proxy.use(rendering('one'));
  const first = await readlink(`${folder}/current`);
  await proxy.use(rendering('two'));
  const second = await readlink(`${folder}/current`);
  expect(ran).toEqual(Array(2).fill('systemctl reload-or-restart knest-ingress.service'));
  expect(second).not.toBe(first);
  expect((await readdir(folder)).sort()).toEqual([second, 'current'].sort());
  expect(await readFile(`${folder}/current/haproxy.cfg`, 'utf8')).toBe(`two of ${folder}/${second}\n`);
  expect((await stat(`${folder}/current/haproxy.cfg`)).mode & 0o777).toBe(0o600);
  expect((await stat(`${folder}/${second}`)).mode & 0o777).toBe(0o700);
});

it('does nothing for what is in use, and tries again what has failed', async () => {
  const proxy = proxyHere();
  answer = { code: 1, said: 'Job failed\n' };
  await expect(proxy.use(rendering('one'))).rejects.toThrow('knest-ingress.service: Job failed');
  answer = { code: 0, said: '' };
  await proxy.use(rendering('one'));
  await proxy.use(rendering('one'));
  expect(ran).toHaveLength(2);
  // after an agent that was killed: whatever is there, the unit is told once
  await proxyHere().use(rendering('one'));
  expect(ran).toHaveLength(3);
});
