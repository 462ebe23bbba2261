import { describe, expect, it } from 'vitest';

import { ExecError, InputError, isKnestError, KnestError } from '../../src/api/index.ts';
import { settingsOf } from '../../src/api/settings.ts';
import type { Settings } from '../../src/api/index.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { thisWorkstation } from '../../src/workstation/workstation.ts';

describe('isKnestError', () => {
  const error = new KnestError('no such node', { code: 'NODE_NOT_FOUND' });

  it('knows kinds and codes', () => {
    expect(isKnestError(error)).toBe(true);
    expect(isKnestError(error, 'notFound')).toBe(true);
    expect(isKnestError(error, 'exists')).toBe(false);
    expect(isKnestError(error, 'NODE_NOT_FOUND')).toBe(true);
    expect(isKnestError(error, 'CLUSTER_NOT_FOUND')).toBe(false);
  });

  it('is no other error', () => {
    expect(isKnestError(new Error('notFound'), 'notFound')).toBe(false);
    expect(isKnestError(new InputError('The options', []), 'INVALID_INPUT')).toBe(true);
  });
});

describe('ExecError', () => {
  const result = { where: 'a-worker', argv: ['sleep', '5'], stdout: '', stderr: '', durationMs: 300 };

  it('of a program that took too long has another code than of one that failed', () => {
    expect(new ExecError({ ...result, exitCode: 143, timedOut: true })).toMatchObject({
      code: 'COMMAND_TIMEOUT',
      kind: 'failed',
    });
    expect(new ExecError({ ...result, exitCode: 1, timedOut: false }).code).toBe('COMMAND_FAILED');
  });
});

describe('settingsOf', () => {
  it('hands on all of them, and nothing else', () => {
    const settings: Required<Settings> = {
      host: memoryHost(),
      workstation: thisWorkstation(),
      paths: { state: '/state', cache: '/cache' },
      listener: () => undefined,
    };
    expect(settingsOf({ ...settings, ...{ name: 'shop' } })).toEqual(settings);
    expect(settingsOf({})).toEqual({});
  });
});
