/** docs/coming-from-kind.md: every line that it gives is one that knest understands. */

import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { kindLines } from '../../scripts/kind-lines.ts';
import type { Api } from '../../src/cli/cli.ts';
import { KnestError } from '../../src/errors.ts';
import { runCli } from './run-cli.ts';

const config = fileURLToPath(
  new URL('../fixtures/kind/quick-start-multi-node-clusters.yaml', import.meta.url),
);
/** Whatever is called has been understood. */
const called = (call: string) => () =>
  Promise.reject(new KnestError(`called ${call}`, { code: 'REQUEST_REFUSED' }));
const api = new Proxy({} as Api, { get: (_, key) => (key === 'then' ? undefined : called(String(key))) });

it.each(kindLines.flatMap(({ knest }) => (knest === undefined ? [] : [knest])))('%s', async (line) => {
  const [program, ...rest] = line.replace(/ > .*/, '').split(' ');
  const words = rest.map((word) => (word === 'kind.yaml' ? config : word));
  expect(program).toBe('knest');
  const ran = await runCli(words, { api });
  expect(ran.stderr).toMatch(/Error: called \w+/);
  expect(ran.exitCode).toBe(1);
});

it('a line that has none says why', () => {
  expect(kindLines.filter(({ knest, remark }) => knest === undefined && remark === undefined)).toEqual([]);
});
