import { describe, expect, it } from 'vitest';

import { chooseManager } from '../../../src/plan/managers/choose.ts';
import { managerPlanners } from '../../../src/plan/managers/planners.ts';

describe('chooseManager', () => {
  it.each([
    ['auto', 'systemd', 252, 'systemd'],
    ['auto', 'systemd', 257, 'systemd'],
    ['auto', 'systemd', 249, 'direct'],
    ['auto', 'init', 257, 'direct'],
    ['direct', 'systemd', 257, 'direct'],
    ['systemd', 'systemd', 257, 'systemd'],
  ] as const)('%s where process 1 is %s and systemd is %d: %s', (manager, pid1, systemdVersion, expected) => {
    expect(chooseManager({ manager }, { pid1, systemdVersion })).toBe(expected);
  });

  it.each([
    ['init', 257, 'process 1 of this host is init'],
    ['systemd', 249, 'version 249'],
  ])('refuses systemd where process 1 is %s and systemd is %d', (pid1, systemdVersion, message) => {
    expect(() => chooseManager({ manager: 'systemd' }, { pid1, systemdVersion })).toThrow(
      expect.objectContaining({
        problems: [
          {
            path: 'manager',
            message: expect.stringContaining(message) as string,
            hint: expect.any(String) as string,
          },
        ],
      }),
    );
  });

  it('tells the reason of each when none of them can', () => {
    const refusing = (message: string) => ({ ...managerPlanners.direct, refusal: () => ({ message }) });
    const planners = { systemd: refusing('one'), direct: refusing('two') };
    expect(() => chooseManager({ manager: 'auto' }, { pid1: 'init', systemdVersion: 1 }, planners)).toThrow(
      expect.objectContaining({
        problems: [
          { path: 'manager', message: 'one' },
          { path: 'manager', message: 'two' },
        ],
      }),
    );
  });
});
