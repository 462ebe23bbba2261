import { describe, expect, it } from 'vitest';

import { nspawnRunCommand } from '../../src/tools/nspawn-run.ts';

const run = {
  root: '/cache/machine',
  name: 'builder',
  argv: ['sh', '-c', 'id'],
  env: { http_proxy: 'http://p:1' },
};

describe('nspawnRunCommand', () => {
  it('leaves the cgroup to systemd where that is process 1', () => {
    const argv = nspawnRunCommand(run, true);
    expect(argv[0]).toBe('systemd-nspawn');
    expect(argv).not.toContain('--keep-unit');
    expect(argv).toContain('--register=no');
    expect(argv).toContain('--setenv=http_proxy=http://p:1');
    expect(argv.slice(argv.indexOf('--') + 1)).toEqual(run.argv);
  });

  it('runs in a cgroup of its own elsewhere', () => {
    const argv = nspawnRunCommand(run, false);
    expect(argv).toContain('--keep-unit');
    expect(argv[argv.indexOf('systemd-nspawn') - 1]).toBe('builder');
  });
});
