import { describe, expect, it } from 'vitest';

import type { FolderTrial } from '../../../src/facts/types.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { folderChecks } from '../../../src/observe/checks/folders.ts';
import { tryFolder } from '../../../src/observe/host/try-folders.ts';

const good: FolderTrial = { path: '/var/lib', type: 'ext2/ext3', failed: [], said: '' };

function verdicts(changes: Partial<FolderTrial>, building = true): string[] {
  const trial = { ...good, ...changes };
  return folderChecks({ folders: { state: trial, cache: trial } }, { building }).map(
    ({ verdict }) => verdict,
  );
}

describe('the folders of state and cache', () => {
  it.each<[string, Partial<FolderTrial>, string[]]>([
    ['a disk', {}, ['ok', 'ok']],
    ['read-only, or full', { failed: ['write', 'exec', 'overlay', 'setuid'] }, ['problem', 'problem']],
    ['noexec', { failed: ['exec', 'setuid'] }, ['problem', 'problem']],
    // layers are the lower part of an overlay, and that may be one itself
    ['an overlay, or a network file system', { type: 'overlayfs', failed: ['overlay'] }, ['problem', 'ok']],
    ['nodev', { failed: ['device'] }, ['warning', 'problem']],
    ['nosuid', { failed: ['setuid'] }, ['warning', 'ok']],
    ['memory', { type: 'tmpfs' }, ['warning', 'ok']],
    ['NFS that takes overlays', { type: 'nfs' }, ['warning', 'warning']],
  ])('on %s', (_what, changes, expected) => {
    expect(verdicts(changes)).toEqual(expected);
  });

  it('need less when nothing is built', () => {
    expect(verdicts({ failed: ['device'] }, false)).toEqual(['warning', 'ok']);
  });

  it('say where, what, why, and what to do', () => {
    const trial: FolderTrial = { ...good, type: 'overlayfs', failed: ['overlay'], said: 'wrong fs type' };
    const [state] = folderChecks({ folders: { state: trial, cache: good } }, { building: true });
    expect(state?.sentence).toMatch(/^\/var\/lib, .* is on overlayfs and no overlay .* \(wrong fs type\)\.$/);
    expect(state?.fix).toContain('KNEST_STATE_DIR');
  });
});

describe('trying a folder', () => {
  it('reads what failed, and what was said', async () => {
    const host = memoryHost({
      answers: {
        unshare: { stdout: 'failed overlay\nfailed setuid', stderr: 'mount: wrong fs type\nmore' },
        stat: { stdout: 'overlayfs' },
      },
    });
    expect(await tryFolder(host, '/data')).toEqual({
      ...{ path: '/data', type: 'overlayfs', failed: ['overlay', 'setuid'], said: 'mount: wrong fs type' },
    });
    expect(host.commands[0]?.at(-1)).toBe('/data');
  });

  it('knows nothing where it may not try', async () => {
    const host = memoryHost({ answers: { unshare: { exitCode: 1 }, stat: { stdout: 'xfs' } } });
    expect(await tryFolder(host, '/data')).toBeUndefined();
  });
});
