import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../src/host/memory.ts';

describe('memoryHost', () => {
  it('answers by the longest beginning of whole words, and notes what was asked', async () => {
    const host = memoryHost({
      answers: {
        ip: { exitCode: 2 },
        'ip link': { stdout: 'links' },
        cat: (argv, input) => ({ stdout: `${argv.length} ${input ?? ''}` }),
      },
    });
    expect(await host.run(['ip', 'link', 'show'])).toEqual({ exitCode: 0, stdout: 'links', stderr: '' });
    expect((await host.run(['ip', 'linkage'], { okExitCodes: 'any' })).exitCode).toBe(2);
    expect((await host.run(['cat', '-'], { input: 'x' })).stdout).toBe('2 x');
    expect(host.commands).toEqual([
      ['ip', 'link', 'show'],
      ['ip', 'linkage'],
      ['cat', '-'],
    ]);
  });

  it('fails as a host does', async () => {
    const host = memoryHost({ answers: { ip: { exitCode: 2, stderr: 'no' } } });
    await expect(host.run(['ip'])).rejects.toMatchObject({ exitCode: 2, details: ['no'] });
    await expect(host.run(['unknown'])).rejects.toThrow('unknown');
  });

  it('keeps files, folders and links', async () => {
    const host = memoryHost({ files: { '/a/x': 'text' } });
    await host.writeFile('/a/b/y', 'more', 0o600);
    await host.makeDirectory('/a/empty', 0o700);
    await host.link('x', '/a/link');
    expect(await host.list('/a')).toEqual(['b', 'empty', 'link', 'x']);
    expect(await host.stat('/a/b')).toMatchObject({ kind: 'directory' });
    expect(await host.stat('/a/empty')).toMatchObject({ kind: 'directory', mode: 0o700 });
    expect(await host.stat('/a/link')).toMatchObject({ kind: 'link' });
    expect(await host.stat('/a/b/y')).toEqual({ kind: 'file', mode: 0o600, size: 4 });
    await host.rename('/a/b', '/c');
    expect(await host.readFile('/c/y')).toBe('more');
    await host.remove('/a');
    expect([...host.files.keys()]).toEqual(['/c/y']);
  });
});
