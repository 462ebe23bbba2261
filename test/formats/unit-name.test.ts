import { describe, expect, it } from 'vitest';

import { renderExplainedUnit } from '../../src/formats/explained-unit.ts';
import { mountUnitName } from '../../src/formats/unit-name.ts';

describe('mountUnitName', () => {
  // each as `systemd-escape --path --suffix=mount PATH` says
  it.each([
    ['/var/lib/machines/knest-control-plane', 'var-lib-machines-knest\\x2dcontrol\\x2dplane.mount'],
    ['/', '-.mount'],
    ['//srv//a b/', 'srv-a\\x20b.mount'],
    ['/.cache/x.y', '\\x2ecache-x.y.mount'],
    ['/srv/ä', 'srv-\\xc3\\xa4.mount'],
  ])('of %s', (path, name) => {
    expect(mountUnitName(path)).toBe(name);
  });
});

describe('renderExplainedUnit', () => {
  it('puts reasons above settings, breaks long ones, and repeats settings with several values', () => {
    const why = 'word '.repeat(40).trim();
    const text = renderExplainedUnit('What this is', {
      Empty: [],
      Service: [
        { key: 'A', value: 'b', why },
        { key: 'ExecStart', value: ['', 'true'] },
      ],
    });
    const lines = text.split('\n');
    expect(text.startsWith('# What this is\n\n[Service]\n# word')).toBe(true);
    expect(text.endsWith('A=b\nExecStart=\nExecStart=true\n')).toBe(true);
    expect(text).not.toContain('Empty');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(
      lines
        .filter((line) => line.startsWith('# word'))
        .join(' ')
        .replaceAll('# ', ''),
    ).toBe(why);
  });
});
