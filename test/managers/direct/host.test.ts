import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import { directManager } from '../../../src/managers/direct/manager.ts';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import { planOf } from '../../fixtures/cluster.ts';

const cgroup = { version: 'v2', hierarchies: ['/sys/fs/cgroup'] } as const;
const why = 'test';
const planned = planOf({ spec: { manager: 'direct' } });
const plan: ClusterPlan = {
  ...planned,
  host: {
    sysctls: [],
    setup: [{ why, argv: ['ip', 'up'] }],
    teardown: [{ why, argv: ['ip', 'down'] }],
    afterStop: [{ why, argv: ['ip', 'sweep'] }],
    run: { manager: 'direct' },
  },
};

describe('the host of the manager direct', () => {
  it('is set up, updated, swept and torn down by the commands of the plan alone', async () => {
    const host = memoryHost({ answers: { ip: {} } });
    const manager = directManager(host, cgroup);
    await manager.setUpHost(plan, '/state/clusters/knest');
    await manager.updateHost(plan);
    await manager.afterStop(plan);
    await manager.tearDownHost(plan, '/state/clusters/knest');
    expect(host.commands.map((argv) => argv.join(' '))).toEqual(['ip up', 'ip up', 'ip sweep', 'ip down']);
    expect([...host.files.keys()]).toEqual([]);
  });

  it('has nothing to sweep unless the plan says so', async () => {
    const host = memoryHost();
    await directManager(host, cgroup).afterStop(planned);
    expect(host.commands).toEqual([]);
  });
});
