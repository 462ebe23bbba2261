import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import xterm from '@xterm/headless';
import { expect, it, vi } from 'vitest';

import type { ClusterOverview } from '../../src/operations/types.ts';
import { overview } from './overview-fixture.ts';
import { runCli } from './run-cli.ts';

const clusterOverview = () => Promise.resolve(overview());

it('prints one picture where there is no terminal', async () => {
  const { exitCode, stdout } = await runCli(['top'], { api: { clusterOverview } });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^demo: degraded.*\n\nNODE /);
  expect(stdout).not.toContain('\u001b');
});

it('gives all of it as JSON, on a terminal too', async () => {
  const { stdout } = await runCli(['top', '-o', 'json'], { api: { clusterOverview }, tty: true });
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(overview())));
});

it.each(['q', '\u001b', '\u0003'])('ends by %j though the cluster does not answer any more', async (key) => {
  let looks = 0;
  let stopped = false;
  const slow = () => (looks++ === 0 ? clusterOverview() : new Promise<ClusterOverview>(() => undefined));
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const { exitCode, stdout } = await runCli(['top'], {
      api: { clusterOverview: slow },
      tty: true,
      onKeys: (listener) => {
        setImmediate(() => {
          listener('x');
          listener('\u001b[A');
          listener(key);
        });
        return () => {
          stopped = true;
        };
      },
    });
    expect(exitCode).toBe(0);
    expect(stopped).toBe(true);
    expect(stdout.startsWith('\u001b[?1049h')).toBe(true);
    expect(stdout).toContain('demo: degraded');
    expect(stdout.endsWith('\u001b[?1049l')).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

it('leaves the screen before it tells that the cluster is gone', async () => {
  const answers = [clusterOverview(), Promise.reject(new Error('there is no cluster "demo"'))];
  answers[1]?.catch(() => undefined);
  const { exitCode, stdout, stderr } = await runCli(['top'], {
    api: { clusterOverview: () => answers.shift() ?? clusterOverview() },
    tty: true,
  });
  expect(exitCode).not.toBe(0);
  expect(stdout.endsWith('\u001b[?1049l')).toBe(true);
  expect(stderr).toContain('there is no cluster "demo"');
});

/** What a terminal shows, and after that what the shell in it says of the terminal's settings. */
async function inTerminal(key: string): Promise<{ seen: string; left: string; output: string }> {
  const program = fileURLToPath(new URL('../fixtures/top-program.ts', import.meta.url));
  const command = 'stty rows 24 columns 100; "$NODE" --import tsx "$PROGRAM"; echo "exit $?"; stty -a';
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '1', NODE: process.execPath, PROGRAM: program },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const terminal = new xterm.Terminal({ cols: 100, rows: 24, allowProposedApi: true });
  const rows = (): string => {
    const { active } = terminal.buffer;
    const lines = Array.from({ length: active.length }, (_, row) =>
      active.getLine(row)?.translateToString(true),
    );
    return lines.join('\n');
  };
  let seen = '';
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    terminal.write(chunk, () => {
      if (seen !== '' || terminal.buffer.active.type !== 'alternate' || !rows().includes('AGE')) return;
      seen = rows();
      child.stdin.write(key);
    });
  });
  await once(child, 'close');
  await new Promise<void>((resolve) => {
    terminal.write('', resolve);
  });
  return { seen, left: rows(), output };
}

it.each(['q', '\u0003'])(
  'fills a terminal, and gives it back as it was after %j',
  async (key) => {
    const { seen, left, output } = await inTerminal(key);
    expect(seen.split('\n')).toHaveLength(24);
    expect(seen).toMatch(/^demo: degraded, Kubernetes v1\.20\.2/);
    expect(seen).toContain('Back-off restarting failed');
    expect(left).not.toContain('degraded');
    expect(left).toContain('exit 0');
    // the line discipline that a shell wants
    expect(left).toMatch(/[^-]icanon/);
    expect(left).toMatch(/[^-]echo\b/);
    expect(output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(output.lastIndexOf('\u001b[?25l'));
  },
  60_000,
);
