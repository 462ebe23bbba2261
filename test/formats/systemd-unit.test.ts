import { describe, expect, it } from 'vitest';

import { commandWord, renderCommand, renderUnit } from '../../src/formats/systemd-unit.ts';

describe('renderUnit', () => {
  it('keeps the order of sections and settings, repeats lists, leaves out what is undefined', () => {
    const text = renderUnit({
      Unit: { Description: 'A unit', After: undefined },
      Service: { ExecStart: ['/bin/one', '/bin/two'], Restart: 'no' },
    });
    expect(text).toBe(
      '[Unit]\nDescription=A unit\n\n[Service]\nExecStart=/bin/one\nExecStart=/bin/two\nRestart=no\n',
    );
  });

  it('puts every line of a comment behind a #', () => {
    expect(renderUnit({ Network: { DHCP: 'no' } }, 'one\ntwo')).toBe('# one\n# two\n\n[Network]\nDHCP=no\n');
  });

  it('can reset a list with an empty setting', () => {
    expect(renderUnit({ Service: { DeviceAllow: '' } })).toBe('[Service]\nDeviceAllow=\n');
  });
});

describe('renderCommand', () => {
  it('is one command over several lines, flags first', () => {
    expect(renderCommand('/bin/program', { a: 'x', b: true, c: 0, d: undefined, e: false }, '$MORE')).toBe(
      '/bin/program \\\n    --a=x \\\n    --b=true \\\n    --c=0 \\\n    --e=false \\\n    $MORE',
    );
  });

  it.each([
    ['100%', '--flag=100%%'],
    ['$HOME', '--flag=$$HOME'],
    ['%h/$x/$', '--flag=%%h/$$x/$$'],
    ['two words', '"--flag=two words"'],
    ['a "b" \\ c', '"--flag=a \\"b\\" \\\\ c"'],
  ])('passes %s as it is: no specifier, no variable', (value, expected) => {
    expect(renderCommand('p', { flag: value })).toBe(`p \\\n    ${expected}`);
  });
});

describe('commandWord', () => {
  it.each([
    ['/data/plain', '/data/plain'],
    ['/data/my files', '"/data/my files"'],
    ['/data/100% of $it', '"/data/100%% of $$it"'],
  ])('is one word to systemd: %s', (word, expected) => {
    expect(commandWord(word)).toBe(expected);
  });
});
