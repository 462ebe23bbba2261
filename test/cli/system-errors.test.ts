import { mkdir } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { inWords } from '../../src/cli/system-errors.ts';
import { KnestError } from '../../src/errors.ts';

describe('what the kernel refuses', () => {
  it.each([
    { code: 'EACCES', says: '/var/lib/knest: permission denied', kind: 'preflight', hint: /sudo/ },
    { code: 'ENOSPC', says: '/var/lib/knest: no space is left', kind: 'failed', hint: /KNEST_STATE_DIR/ },
  ])('says $code in words, with the path and what to do', ({ code, says, kind, hint }) => {
    const cause = Object.assign(new Error(`${code}: mkdir`), { code, path: '/var/lib/knest' });
    const told = inWords(cause);
    expect(told).toBeInstanceOf(KnestError);
    expect(told).toMatchObject({ message: says, kind, hint: expect.stringMatching(hint) as string, cause });
  });

  it('leaves bugs and what is in words already alone', async () => {
    const bug = await mkdir('/proc/1/no/such').catch((error: unknown) => error);
    expect(inWords(bug)).toBe(bug);
    const known = Object.assign(new KnestError('known'), { code: 'EACCES' });
    expect(inWords(known)).toBe(known);
    expect(inWords('text')).toBe('text');
  });
});
