import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

import { runFollowed } from '../../src/host/follow.ts';
import type { FollowOptions } from '../../src/host/follow.ts';
import { localHost } from '../../src/host/local.ts';
import { identifyProcess } from '../../src/host/process.ts';

/** Lines as "o:text" and "e:text". */
function collector(): { lines: string[]; onLine: FollowOptions['onLine'] } {
  const lines: string[] = [];
  return {
    lines,
    onLine: (stream, line) => {
      lines.push(`${stream === 'stdout' ? 'o' : 'e'}:${line}`);
    },
  };
}

describe('runFollowed', () => {
  it('hands on whole lines of both streams, the last one without newline, too', async () => {
    const { lines, onLine } = collector();
    const script = "printf 'one\\n\\ntwo'; printf 'bad\\n' >&2; exit 42";
    expect(await runFollowed(localHost(), ['sh', '-c', script], { onLine })).toBe(42);
    expect(lines.filter((line) => line.startsWith('o'))).toEqual(['o:one', 'o:', 'o:two']);
    expect(lines.filter((line) => line.startsWith('e'))).toEqual(['e:bad']);
  });

  it('does not cut lines and characters where pieces of output end', async () => {
    const { lines, onLine } = collector();
    // a line in three pieces, the two bytes of "ä" apart
    const script = "printf 'be'; sleep 0.05; printf '\\303'; sleep 0.05; printf '\\244r\\n'";
    await runFollowed(localHost(), ['sh', '-c', script], { onLine });
    expect(lines).toEqual(['o:beär']);
  });

  it('gives no input', async () => {
    const { lines, onLine } = collector();
    expect(await runFollowed(localHost(), ['sh', '-c', 'read x; echo "$?"'], { onLine })).toBe(0);
    expect(lines).toEqual(['o:1']);
  });

  it('ends with the program all that it has started', async () => {
    const controller = new AbortController();
    const started = new EventTarget();
    let child = 0;
    const running = runFollowed(localHost(), ['sh', '-c', 'sleep 600 & echo $!; wait'], {
      onLine: (_stream, line) => {
        child = Number(line);
        started.dispatchEvent(new Event('line'));
      },
      signal: controller.signal,
    });
    await once(started, 'line');
    expect(await identifyProcess(localHost(), child)).toBeDefined();
    controller.abort();
    expect(await running).toBe(143);
    // its output has ended, and it itself in a moment
    await expect.poll(() => identifyProcess(localHost(), child)).toBeUndefined();
  });

  it('ends hard what does not want to end', async () => {
    const controller = new AbortController();
    const running = runFollowed(localHost(), ['sh', '-c', 'trap "" TERM; echo; while :; do sleep 1; done'], {
      onLine: () => {
        controller.abort();
      },
      signal: controller.signal,
      grace: 50,
    });
    expect(await running).toBe(137);
  });

  it('starts nothing that is to end at once, and says what cannot be started', async () => {
    const { onLine } = collector();
    expect(await runFollowed(localHost(), ['sleep', '600'], { onLine, signal: AbortSignal.abort() })).toBe(
      143,
    );
    await expect(runFollowed(localHost(), ['/nowhere/at-all'], { onLine })).rejects.toMatchObject({
      reason: 'notFound',
    });
  });
});
