import { describe, expect, it } from 'vitest';
import { renderError } from '../../../src/cli/output/error.ts';
import { CommandError, InputError, KnestError } from '../../../src/errors.ts';

describe('renderError', () => {
  it('says what, why and what to do next', () => {
    const cause = new Error('getaddrinfo ENOTFOUND', { cause: new Error('deep') });
    const error = new KnestError('The mirror does not answer', {
      code: 'DOWNLOAD_FAILED',
      cause,
      hint: 'set --mirror',
      details: ['line 1', 'line 2'],
    });
    expect(renderError(error, false)).toBe(
      [
        'Error: The mirror does not answer',
        '  because: getaddrinfo ENOTFOUND',
        '  because: deep',
        '  line 1',
        '  line 2',
        'Next: set --mirror',
        '',
      ].join('\n'),
    );
  });

  it('does not say the same thing twice', () => {
    const error = new KnestError('no: ENOENT', { code: 'FILE_UNUSABLE', cause: new Error('ENOENT') });
    expect(renderError(error, false)).toBe('Error: no: ENOENT\n');
  });

  it('lists every problem of an input', () => {
    const error = new InputError('cluster.yaml', [
      { path: 'name', message: 'is bad', hint: 'use letters' },
      { path: 'nodes[0].role', message: 'is missing' },
    ]);
    expect(renderError(error, false)).toBe(
      'Error: cluster.yaml: 2 problems\n  name: is bad\n    use letters\n  nodes[0].role: is missing\n',
    );
  });

  it('shows the command that failed and the end of what it said', () => {
    const error = new CommandError(
      'localhost',
      ['ip', 'link', 'add', 'a b'],
      2,
      'x\nRTNETLINK answers: File exists\n',
    );
    expect(renderError(error, false)).toBe(
      "Error: ip exited 2 on localhost: ip link add 'a b'\n  x\n  RTNETLINK answers: File exists\n",
    );
  });

  it('calls what nobody expected a bug, with a stack only when asked', () => {
    expect(renderError(new TypeError('oh'), false)).toMatch(
      /^Error: this is a bug in knest: TypeError: oh\nNext: /,
    );
    expect(renderError(new TypeError('oh', { cause: new Error('deep') }), true)).toMatch(
      /\n {4}at [^]*caused by:\nError: deep/,
    );
    expect(renderError('a string', false)).toContain('this is a bug in knest: a string');
  });

  it('shows the colours of no console', () => {
    const details = ['\u001b[0;1;31mFailed\u001b[0m to start \u001b[0;1;39mkubelet.service\u001b[0m.\r'];
    const error = new KnestError('not Ready', { code: 'NOT_READY', details });
    expect(renderError(error, false)).toBe('Error: not Ready\n  Failed to start kubelet.service.\n');
  });

  it('keeps no colours in the details either, which the library and -o json give', () => {
    const { details } = new CommandError(
      'localhost',
      ['tool'],
      1,
      '\u001b[0;1;31mFailed\u001b[0m\n\u001b[0m\n',
    );
    expect(details).toEqual(['Failed']);
  });

  it('leaves the arguments of a command away where it is only the reason, but for --debug', () => {
    const cause = new CommandError('localhost', ['setpriv', '--pdeathsig', 'KILL', 'mmdebstrap'], 25, '');
    const error = new KnestError('no system', { code: 'BUILD_FAILED', cause });
    expect(renderError(error, false)).toBe('Error: no system\n  because: setpriv exited 25 on localhost\n');
    expect(renderError(error, true)).toContain('setpriv --pdeathsig KILL mmdebstrap');
  });

  it('does not hand on escape sequences', () => {
    const error = new KnestError('bad \u001b]0;title\u0007 \u001b[2J', {
      code: 'BUILD_FAILED',
      details: ['\u0000\u001b[1A'],
    });
    expect(renderError(error, false)).toBe('Error: bad  \n  \n');
  });
});
