import { expect, it } from 'vitest';

import { endless, topLines } from '../../../src/cli/output/top-lines.ts';
import { overview, podOverview } from '../overview-fixture.ts';

const now = new Date('2026-01-01T00:00:42Z');
const texts = (...[changes, room = endless]: [Parameters<typeof overview>[0]?, typeof endless?]) =>
  topLines(overview(changes), room, now).map(({ text }) => text);

it('shows a cluster at one glance', () => {
  const [title, ...lines] = texts();
  expect(title).toMatch(
    /^demo: degraded, Kubernetes v1.20.2, 1 of 2 nodes Ready, etcd 1 of 1, \d\d:\d\d:\d\d$/,
  );
  expect(lines.join('\n')).toBe(`
NODE                 ROLE            STATE     STATUS    UNITS                    PODS   CPU(cores)   CPU%     MEMORY(bytes)   MEMORY%
demo-control-plane   control-plane   running   Ready     9/10 (kubelet.service)   1      250m         6%       437Mi           5%
demo-worker          worker          stopped   Unknown   <none>                   2      <none>       <none>   <none>          <none>

NODE                 NAMESPACE   POD       READY   STATUS             RESTARTS   CPU(cores)   MEMORY(bytes)
<none>               shop        waiting   0/1     Pending            0          <none>       <none>
demo-control-plane   shop        crash     0/1     CrashLoopBackOff   7          100m         20Mi
demo-worker          shop        busy      1/1     Running            0          900m         20Mi
demo-worker          shop        idle      1/1     Running            0          1m           20Mi

AGE   TYPE      NAMESPACE   OBJECT      REASON    MESSAGE
42s   Warning   shop        Pod/crash   BackOff   Back-off restarting failed container`);
});

it('marks what is not well', () => {
  const styles = topLines(overview(), endless, now).map(
    ({ text, style }) => `${style} ${text.split(' ')[0]}`,
  );
  expect(styles).toContain('warning demo-control-plane');
  expect(styles).toContain('bad demo-worker');
  expect(styles).toContain('undefined demo-worker');
  expect(styles).toContain('warning 42s');
});

it('says what does not answer', () => {
  const member = { ...overview().etcd.members[0], name: 'demo-control-plane2', ok: false, detail: 'stopped' };
  const shown = texts({
    apiserver: { ok: false, detail: 'ECONNREFUSED' },
    etcd: { quorum: false, members: [member as never] },
    apis: [{ name: 'v1beta1.metrics.k8s.io', service: 's', ok: false, detail: 'refused' }],
    ...{ measured: false, pods: [], events: [] },
  });
  expect(shown.slice(1, 5)).toEqual([
    '✗ API server: ECONNREFUSED',
    '✗ etcd has no quorum: nothing can be written',
    '✗ etcd demo-control-plane2: stopped',
    '✗ v1beta1.metrics.k8s.io: refused',
  ]);
  expect(texts({ measured: false })).toContain('! nobody answers metrics.k8s.io: no CPU and memory');
});

it.each([
  [80, 24],
  [40, 10],
  [20, 3],
  [1, 1],
])('fits into %i columns and %i rows', (columns, rows) => {
  const pods = Array.from({ length: 100 }, (_, index) => podOverview(`pod-${index}`));
  const events = Array.from({ length: 50 }, () => overview().events[0] as never);
  const shown = texts({ pods, events }, { columns, rows });
  expect(shown.length).toBeLessThanOrEqual(rows);
  expect(Math.max(...shown.map((line) => Array.from(line).length))).toBeLessThanOrEqual(columns);
});

it('counts what it leaves out, and leaves events a third', () => {
  const pods = Array.from({ length: 100 }, (_, index) => podOverview(`pod-${index}`));
  const events = Array.from({ length: 50 }, () => overview().events[0] as never);
  const shown = texts({ pods, events }, { columns: 120, rows: 30 });
  expect(shown).toHaveLength(30);
  expect(shown.filter((line) => line.startsWith('... '))).toEqual(['... 86 more pods', '... 45 more events']);
});
