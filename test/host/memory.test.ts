import { text } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../src/host/memory.ts';
import { hostContract } from './contract.ts';

hostContract('memory', () => Promise.resolve({ host: memoryHost(), folder: '/test', real: false }));

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
    expect(await host.stat('/a/b/y')).toMatchObject({ kind: 'file', mode: 0o600, size: 4 });
    await host.rename('/a/b', '/c');
    expect(await host.readFile('/c/y')).toBe('more');
    await host.remove('/a');
    expect([...host.files.keys()]).toEqual(['/c/y']);
  });

  it('plays programs', async () => {
    const host = memoryHost({
      programs: {
        cat: async ({ stdin, stdout }) => {
          for await (const chunk of stdin) stdout.write(chunk);
          return 3;
        },
        sleep: () => new Promise(() => undefined),
      },
      answers: { ip: { stdout: 'links', exitCode: 2 } },
    });
    const cat = await host.spawn(['cat']);
    cat.stdin.end('text');
    expect(await text(cat.stdout)).toBe('text');
    expect(await cat.exited).toBe(3);
    const sleep = await host.spawn(['sleep', '600']);
    sleep.kill('SIGTERM');
    expect(await sleep.exited).toBe(143);
    const ip = await host.spawn(['ip', 'link']);
    expect(await text(ip.stdout)).toBe('links');
    expect(await ip.exited).toBe(2);
  });

  it('has listeners', async () => {
    const host = memoryHost({ listeners: { '10.0.0.1 80': (socket) => socket.pipe(socket) } });
    const socket = await host.connect('10.0.0.1', 80);
    socket.end('echo');
    expect(await text(socket)).toBe('echo');
  });

  it('keeps all calls, and fails those that a test wants to fail', async () => {
    const host = memoryHost({
      failOn: ({ method, subject }) => (subject === '/bad' ? new Error(`no ${method}`) : undefined),
    });
    await host.writeFile('/good', '', 0o644);
    await expect(host.writeFile('/bad', '', 0o644)).rejects.toThrow('no writeFile');
    await expect(host.rename('/good', '/bad')).rejects.toThrow('no rename');
    await expect(text(host.readStream('/bad'))).rejects.toThrow('no readStream');
    expect(host.calls).toEqual([
      { method: 'writeFile', subject: '/good' },
      { method: 'writeFile', subject: '/bad' },
      { method: 'rename', subject: '/bad' },
      { method: 'readStream', subject: '/bad' },
    ]);
  });
});
