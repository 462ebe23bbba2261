/** docs/the-guide-then-and-now.md quotes files: each quote must be in the plan, line by line and in order. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { planFiles } from '../../src/cli/output/plan-directory.ts';
import { planOf } from '../fixtures/cluster.ts';

const page = readFileSync(
  fileURLToPath(new URL('../../docs/the-guide-then-and-now.md', import.meta.url)),
  'utf8',
);
const folders: Record<string, string> = {
  host: 'host/root',
  machine: 'machines/knest-control-plane/root',
};

/** A fenced block whose first line is "# host: PATH" or "# machine: PATH". */
const quotes = [...page.matchAll(/^```\w+\n# (host|machine): (\S+)\n([^]*?)^```$/gm)].map(
  ([, where = '', path = '', text = '']) => ({
    path: `${folders[where] ?? ''}${path}`,
    lines: text.trimEnd().split('\n'),
  }),
);

describe('the page about the guide', () => {
  const files = new Map(
    planFiles(planOf({ spec: { manager: 'systemd' } })).map((file) => [file.path, file.content]),
  );

  it('quotes a file in every block', () => {
    expect(quotes.length).toBe([...page.matchAll(/^```\w+$/gm)].length);
  });

  it.each(quotes)('tells the truth about $path', ({ path, lines }) => {
    const content = files.get(path);
    expect(content, 'it is in the plan').toBeDefined();
    const text = content && ('link' in content ? `-> ${content.link}` : content.text);
    let rest = (text ?? '').split('\n');
    for (const line of lines) {
      const at = rest.indexOf(line);
      expect(at, `"${line}", after what was quoted before it`).toBeGreaterThanOrEqual(0);
      rest = rest.slice(at + 1);
    }
  });

  it("has every setting of the guide's sysctl file", () => {
    const guide = [
      'net.ipv4.ip_forward = 1',
      'net.ipv6.conf.all.forwarding = 1',
      'net.ipv4.conf.all.route_localnet = 1',
      'net.ipv4.conf.default.route_localnet = 1',
      'vm.overcommit_memory = 1',
      'kernel.panic = 10',
    ];
    const quoted = quotes.find(({ path }) => path.endsWith('90-knest.conf'))?.lines;
    expect(quoted).toEqual(expect.arrayContaining(guide));
  });
});
