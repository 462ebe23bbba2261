/** Nodes of an older Debian: systemd 252 and containerd 1.6. */

import { expect, it } from 'vitest';

import { busyboxArchive } from '../support/busybox.ts';
import { pod } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-bookworm';

describeScenario('older Debian', { story: true, suite: 'bookworm' }, (scenario) => {
  it('makes a Ready node of bookworm', async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--suite', 'bookworm']);
    const info = '{.items[0].status.nodeInfo.osImage}, {.items[0].status.nodeInfo.containerRuntimeVersion}';
    const node = await scenario.kubectl(name, ['get', 'nodes', '-o', `jsonpath=${info}`]);
    expect(node).toMatch(/^Debian GNU\/Linux 12 \(bookworm\), containerd:\/\/1\.6\./);
  });

  it('runs a pod', async () => {
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const input = JSON.stringify(pod('greeter', 'echo hello; exec sleep 1000000'));
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    await scenario.kubectl(name, ['wait', '--for=condition=Ready', 'pod/greeter', '--timeout=60s']);
    expect(await scenario.kubectl(name, ['logs', 'greeter'])).toBe('hello');
  });

  it('has no failed unit inside', async () => {
    const failed = ['systemctl', '--failed', '--no-legend', '--plain'];
    expect(await scenario.ok(['exec', `${name}-control-plane`, '--', ...failed])).toBe('');
  });

  it('goes without a trace', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
