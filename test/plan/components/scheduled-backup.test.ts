import { describe, expect, it } from 'vitest';

import { machineOf, nodesOf, planOf, textOf } from '../../fixtures/cluster.ts';

const backup = { every: '6h', keep: 3, to: '/srv/backups' };
const plan = planOf({ spec: { backup, nodes: nodesOf('control-plane', 'control-plane', 'worker') } });

describe('backups by themselves', () => {
  it('are made by control planes, in a folder of the host', () => {
    for (const index of [0, 1]) {
      const machine = machineOf(plan, index);
      expect(textOf(machine, 'knest-backup.timer')).toContain('OnUnitInactiveSec=600s');
      expect(textOf(machine, 'knest-backup.service')).toContain(
        'knest-agent.mjs backup /etc/kubernetes/knest-backup.json',
      );
      expect(machine.binds).toContainEqual({
        source: '/srv/backups',
        target: '/var/lib/knest-backups',
        make: 'directory',
      });
      const file: unknown = JSON.parse(textOf(machine, '/etc/kubernetes/knest-backup.json'));
      expect(file).toMatchObject({ every: 21_600, keep: 3, about: { cluster: 'knest' } });
    }
    expect(machineOf(plan, 2).units.map(({ name }) => name)).not.toContain('knest-backup.timer');
  });

  it('know no secret of the spec but by its name', () => {
    const credentials = { username: 'me', password: 'sesame' };
    const registries = [{ host: 'r.example', mirrors: [], ca: undefined, skipVerify: false, credentials }];
    const proxy = { http: 'http://me:sesame@proxy', https: undefined, noProxy: [] };
    const machine = machineOf(planOf({ spec: { backup, registries, proxy } }));
    const file = machine.files.find(({ path }) => path === '/etc/kubernetes/knest-backup.json');
    expect(JSON.stringify(file)).not.toContain('sesame');
    expect(file?.content).toMatchObject({ secrets: ['proxy for http', 'password of r.example'] });
  });

  it('are not there unless asked for', () => {
    const units = machineOf(planOf()).units.map(({ name }) => name);
    expect(units).not.toContain('knest-backup.timer');
  });
});
