import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../src/host/memory.ts';
import { removeTemporaryFiles } from '../../src/host/temporary-files.ts';

describe('removeTemporaryFiles', () => {
  it('removes what an atomic write of the file left, and nothing else', async () => {
    const host = memoryHost({
      files: {
        '/kube/config': 'kept',
        '/kube/config.12-0123abcd.tmp': 'left',
        '/kube/config.tmp': 'kept',
        '/kube/config.bak': 'kept',
        '/kube/other.12-0123abcd.tmp': 'kept',
      },
    });
    await removeTemporaryFiles(host, '/kube/config');
    const kept = [...host.files].map(([path, { content }]) => `${path}: ${content}`);
    expect(kept.sort()).toEqual([
      '/kube/config.bak: kept',
      '/kube/config.tmp: kept',
      '/kube/config: kept',
      '/kube/other.12-0123abcd.tmp: kept',
    ]);
  });
});
