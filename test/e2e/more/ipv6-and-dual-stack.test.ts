/** Clusters of IPv6 alone, and of both families. */

import { existsSync } from 'node:fs';

import { expect, it } from 'vitest';

import { describeScenario } from '../support/scenario.ts';
import { expectAllConnected, startWeb } from '../support/web.ts';

const hasIpv6 = existsSync('/proc/sys/net/ipv6');
if (!hasIpv6) console.warn('SKIPPED: IPv6 and dual stack: this kernel has no IPv6');

describeScenario('IPv6 and dual stack', { story: false }, (scenario) => {
  it.skipIf(!hasIpv6)('IPv6 alone: nodes, pods, Services and ports', async () => {
    const name = 'e2e-six';
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '2', '--ip-family', 'ipv6']);
    await startWeb(scenario, name);
    await expectAllConnected(scenario, name);
    const addresses = await scenario.kubectl(name, [
      'get',
      'pods',
      '-o',
      'jsonpath={.items[*].status.podIP}',
    ]);
    expect(addresses.split(' ').every((address) => address.includes(':'))).toBe(true);
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  it.skipIf(!hasIpv6)('dual stack: both at once', async () => {
    const name = 'e2e-dual';
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '2', '--ip-family', 'dual']);
    await startWeb(scenario, name);
    await expectAllConnected(scenario, name);
    const input = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'six' },
      spec: { ipFamilies: ['IPv6'], selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    const get = (what: string) => scenario.kubectl(name, ['get', ...what.split(' ')]);
    const service = await get('service six -o jsonpath={.spec.clusterIP}');
    expect(service).toContain(':');
    const pods = (await get('pods -l app=web -o jsonpath={.items[*].metadata.name}')).split(' ');
    const [client] = pods;
    const answer = await scenario.kubectl(name, [
      ...['exec', client ?? '', '--', 'sh', '-c'],
      `until timeout 3 wget -qO- http://[${service}]/; do sleep 0.2; done`,
    ]);
    expect(pods).toContain(answer.trim());
    const ips = await get('pods -l app=web -o jsonpath={range.items[*]}{.status.podIPs[*].ip};{end}');
    for (const both of ips.split(';').filter(Boolean)) expect(both).toMatch(/^[\d.]+ [0-9a-f:]+$/);
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
