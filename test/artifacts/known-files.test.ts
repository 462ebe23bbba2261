import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { forgetFiles, learnAbout } from '../../src/artifacts/known-files.ts';
import { memoryHost } from '../../src/host/memory.ts';
import type { MemoryHost } from '../../src/host/memory.ts';

const paths = { state: '/state', cache: '/cache' };
const memory = '/cache/known-files.json';
const files = ['/bin/a', '/bin/b', '/bin/link'];
let host: MemoryHost;
/** What was read, in order. */
let read: string[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') });
  read = [];
  host = memoryHost({ files: { '/bin/a': 'A', '/bin/b': 'B' } });
  await host.makeDirectory('/cache', 0o755);
  await host.link('a', '/bin/link');
  later(10);
});

afterEach(() => vi.useRealTimers());

describe('learnAbout', () => {
  it('reads each file once, whatever its names are, and not again', async () => {
    expect(await learn()).toEqual(['A', 'B', 'A']);
    expect(await learn()).toEqual(['A', 'B', 'A']);
    expect(await learn(['/bin/link'])).toEqual(['A']);
    expect(read).toEqual(['/bin/a', '/bin/b']);
  });

  it('reads what has changed, and nothing else', async () => {
    await learn();
    await host.writeFile('/bin/b', 'C', 0o644);
    later(10);
    expect(await learn()).toEqual(['A', 'C', 'A']);
    expect(read).toEqual(['/bin/a', '/bin/b', '/bin/b']);
  });

  it('does not trust what was read within two seconds of a change', async () => {
    await host.writeFile('/bin/b', 'C', 0o644);
    later(1.9);
    await learn();
    await learn();
    expect(read).toEqual(['/bin/a', '/bin/b', '/bin/b']);
    later(0.1);
    await learn();
    await learn();
    expect(read).toEqual(['/bin/a', '/bin/b', '/bin/b', '/bin/b']);
  });

  it('does not remember what changed while it was read', async () => {
    const change = async (path: string) => {
      if (path === '/bin/b' && read.length === 2) await host.writeFile('/bin/b', 'C', 0o644);
    };
    await learn(files, change);
    later(10);
    expect(await learn()).toEqual(['A', 'C', 'A']);
  });

  it.each([
    ['damaged', '{"version": 1, "entries": [{'],
    ['of another format', JSON.stringify({ version: 99, boot: '', entries: [] })],
    ['of another boot', JSON.stringify({ version: 1, boot: 'other', entries: [] })],
    ['something else', '[null]'],
    ['full of nonsense', JSON.stringify({ version: 1, boot: '', entries: [null, { path: 1 }] })],
  ])('ignores a memory that is %s, and writes a new one', async (_, text) => {
    await host.writeFile(memory, text, 0o644);
    expect(await learn()).toEqual(['A', 'B', 'A']);
    await learn();
    expect(read).toEqual(['/bin/a', '/bin/b']);
  });

  it('keeps what other knests have learned, and drops files that are gone', async () => {
    host.files.set('/bin/gone', { content: 'G', mode: 0o755 });
    later(10);
    await learn(['/bin/gone', '/bin/a']);
    host.files.delete('/bin/gone');
    await learn(['/bin/b']);
    const { entries } = JSON.parse(host.files.get(memory)?.content ?? '') as { entries: { path: string }[] };
    expect(entries.map(({ path }) => path)).toEqual(['/bin/a', '/bin/b']);
  });

  it('keeps what different readers have found apart', async () => {
    await learn();
    expect(await learn(files, undefined, 'other')).toEqual(['A', 'B', 'A']);
    await learn();
    expect(read).toEqual(['/bin/a', '/bin/b', '/bin/a', '/bin/b']);
  });

  it('makes no cache, and goes on where it cannot write', async () => {
    await host.remove('/cache');
    await learn();
    expect(host.files.has(memory)).toBe(false);
    const full = memoryHost({
      files: { '/bin/a': 'A', '/cache/x': '' },
      failOn: ({ method }) => (method === 'writeFile' ? new Error('ENOSPC') : undefined),
    });
    host = full;
    later(10);
    expect(await learn(['/bin/a'])).toEqual(['A']);
  });

  it('forgets what turned out to be wrong', async () => {
    await learn();
    await forgetFiles(['/bin/link'], { local: host, host, paths });
    await learn();
    expect(read).toEqual(['/bin/a', '/bin/b', '/bin/a']);
  });

  it('leaves a file that is not there to the reader', async () => {
    await expect(learn(['/bin/none'])).rejects.toThrow('cannot read /bin/none');
  });
});

function learn(
  names: readonly string[] = files,
  whileReading: (path: string) => Promise<void> = () => Promise.resolve(),
  kind = 'content',
): Promise<string[]> {
  return learnAbout(
    names,
    {
      kind,
      read: (wanted) =>
        Promise.all(
          wanted.map(async (index) => {
            const path = names[index] ?? '';
            const text = await host.readFile(path);
            if (text === undefined) throw new Error(`cannot read ${path}`);
            read.push(path);
            await whileReading(path);
            return text;
          }),
        ),
      isValid: (value): value is string => typeof value === 'string',
    },
    { local: host, host, paths },
  );
}

function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}
