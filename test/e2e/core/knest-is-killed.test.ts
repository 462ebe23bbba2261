/** kill -9 at ten moments of a create: afterwards create finishes, or delete removes everything. */

import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, it } from 'vitest';

import type { NodeSummary } from '../../../src/operations/types.ts';
import { must } from '../support/cli.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-killed';
const create = ['create', 'cluster', '--name', name];
const remove = ['delete', 'cluster', '--name', name];

/** A line of the story, or a part of the time that a whole create takes. */
type Moment = { line: RegExp } | { part: number };

const moments: { what: string; at: Moment }[] = [
  { what: 'while it looks at the host', at: { part: 0.05 } },
  { what: 'when certificates are begun', at: { line: /^Certificates \.\.\./ } },
  { what: 'while certificates and network are made', at: { part: 0.1 } },
  { what: 'when the network is there', at: { line: /^Network .*: done/ } },
  { what: 'when the machine is begun', at: { line: /^Machine .* \.\.\./ } },
  { what: 'when the machine has started', at: { line: /^Machine .*: done/ } },
  { what: 'while the machine boots', at: { part: 0.3 } },
  { what: 'while the components start', at: { part: 0.6 } },
  { what: 'shortly before the node is Ready', at: { part: 0.9 } },
  { what: 'when the node is Ready', at: { line: /^Node Ready: done/ } },
];

describeScenario('knest is killed', { story: false }, (scenario) => {
  let wholeCreate: number;

  beforeAll(async () => {
    const started = Date.now();
    await scenario.ok(create);
    wholeCreate = Date.now() - started;
    await scenario.ok(remove);
  });

  describe.each(moments.map((moment, index) => ({ ...moment, then: index % 2 === 0 ? 'create' : 'delete' })))(
    '$what',
    ({ at, then }) => {
      it(`${then} puts it right`, async () => {
        await createAndKill(at);
        if (then === 'create') await expectCreateFinishes();
        await scenario.ok(remove);
        await scenario.expectCleanHost();
      });
    },
  );

  async function createAndKill(at: Moment): Promise<void> {
    const timer = new AbortController();
    const { exitCode } = await scenario.knest(create, {
      onStart: (kill) => {
        if (!('part' in at)) return;
        void sleep(at.part * wholeCreate, undefined, timer).then(
          () => {
            kill('SIGKILL');
          },
          () => undefined,
        );
      },
      onLine: (line, kill) => {
        if ('line' in at && at.line.test(line)) kill('SIGKILL');
      },
    });
    timer.abort();
    // a create that is much quicker than the one measured may be done before a late shot
    expect('part' in at && at.part > 0.5 ? [137, 0] : [137]).toContain(exitCode);
  }

  async function expectCreateFinishes(): Promise<void> {
    const { exitCode, stderr } = await scenario.knest(create);
    // killed after its very last step, it is there
    if (exitCode !== 0) expect(stderr).toContain('exists already');
    const ready = await scenario.kubectl(name, ['get', 'nodes', '--no-headers']);
    expect(ready.split('\n')).toEqual([expect.stringMatching(/ Ready /)]);
    const nodes = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    expect(nodes).toMatchObject([{ state: 'running' }]);
    const starters = await must(['pgrep', '-c', '-f', `^systemd-nspawn .*--machine=${name}-control-plane `]);
    expect(starters, 'machines').toBe('1');
  }
});
