/** Services of type LoadBalancer: addresses from the pool, answered by another node when one dies. */

import { kill } from 'node:process';

import { expect, it } from 'vitest';

import type { NodeSummary } from '../../../src/operations/types.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { run } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { daemonSet } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-lb';
/** Room for two Services. */
const addresses = ['10.89.200.200', '10.89.200.201'] as const;
const config = JSON.stringify({
  apiVersion: 'knest.dev/v1alpha1',
  kind: 'Cluster',
  name,
  network: { nodeSubnet: '10.89.200.0/24', loadBalancer: { addresses: [addresses.join('-')] } },
  nodes: [{ role: 'control-plane' }, { role: 'worker' }, { role: 'worker' }],
});
/** Long enough for the agents to notice, far from the forty seconds after which Kubernetes does. */
const soon = 15_000;

describeScenario('a load balancer moves', { story: true }, (scenario) => {
  const kubectl = (args: readonly string[], input?: unknown) =>
    scenario.kubectl(name, args, input === undefined ? {} : { input: JSON.stringify(input) });
  const service = (own: string, spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: own },
    spec: {
      type: 'LoadBalancer',
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 8080 }],
      ...spec,
    },
  });
  const externalOf = (own: string) =>
    kubectl(['get', 'service', own, '-o', 'jsonpath={.status.loadBalancer.ingress[*].ip}']);
  const ask = async (address: string) => {
    const url = `http://${address}/`;
    const { stdout } = await run(['curl', '-fsS', '--noproxy', '*', '--max-time', '1', url]);
    return stdout.trim();
  };
  const answers = (address: string, timeout?: number) =>
    eventually(
      `${address} answers`,
      async () => {
        expect(await ask(address)).toMatch(/^web-/);
      },
      timeout,
    );
  const silent = (address: string) =>
    eventually(`${address} is silent`, async () => {
      expect(await ask(address)).toBe('');
    });
  /** Who has an address on its link, asked of the nodes themselves. */
  const holders = async (address: string): Promise<string[]> => {
    const nodes = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    const running = nodes.filter(({ state }) => state === 'running');
    const found = await Promise.all(
      running.map(async (node) => {
        const links = await scenario.ok(['exec', node.name, '--', 'ip', '-br', 'address', 'show', 'host0']);
        return links.includes(` ${address}/`) ? [node.name] : [];
      }),
    );
    return found.flat();
  };

  it('has the address that it asks for, and the host reaches it', async () => {
    await scenario.ok(['create', 'cluster', '--config', '-'], { input: config });
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const script = 'hostname > /www/index.html; exec httpd -f -p 8080 -h /www';
    await kubectl(['apply', '-f', '-'], daemonSet('web', script));
    await kubectl(['apply', '-f', '-'], service('asks', { loadBalancerIP: addresses[1] }));
    await eventually('it has an address', async () => {
      expect(await externalOf('asks')).toBe(addresses[1]);
    });
    await answers(addresses[1]);
    expect(await holders(addresses[1])).toHaveLength(1);
  });

  it('waits with a reason while the pool is empty', async () => {
    await kubectl(['apply', '-f', '-'], service('first'));
    await eventually('the first has the other address', async () => {
      expect(await externalOf('first')).toBe(addresses[0]);
    });
    await kubectl(['apply', '-f', '-'], service('waits'));
    await eventually('an event says why', async () => {
      expect(await kubectl(['describe', 'service', 'waits'])).toMatch(
        /Warning +AllocationFailed .*none of the 2 IPv4 addresses for Services is free/,
      );
    });
    expect(await kubectl(['get', 'service', 'waits'])).toContain('<pending>');
  });

  it('takes the address of a Service that is deleted, and gives it back when it changes its type', async () => {
    await kubectl(['delete', 'service', 'first']);
    await eventually('the one that waits has it', async () => {
      expect(await externalOf('waits')).toBe(addresses[0]);
    });
    await answers(addresses[0]);
    await kubectl(['patch', 'service', 'waits', '-p', '{"spec":{"type":"NodePort"}}']);
    await eventually('it has none', async () => {
      expect(await externalOf('waits')).toBe('');
    });
    await silent(addresses[0]);
    expect(await holders(addresses[0])).toEqual([]);
  });

  it('answers again within seconds after its node was killed', async () => {
    const [victim = ''] = await holders(addresses[1]);
    expect(victim).toContain('worker');
    const nodes = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    const { leader = 0 } = nodes.find((node) => node.name === victim) ?? {};
    const started = performance.now();
    kill(leader, 'SIGKILL');
    await silent(addresses[1]);
    // endpoints of the dead node are still believed in, so some requests may go nowhere
    await answers(addresses[1], soon);
    console.log(`answered again ${Math.round(performance.now() - started)} ms after its node was killed`);
    expect(await kubectl(['get', 'node', victim])).toMatch(/ Ready /);
    const [heir = ''] = await holders(addresses[1]);
    expect(heir).not.toBe(victim);

    await scenario.ok(['start', 'node', victim]);
    await eventually('its agent answers', async () => {
      const log = await scenario.ok(['logs', nodes[0]?.name ?? '', '-u', 'knest-agent']);
      expect(log).toContain(`${victim} answers again`);
    });
    expect(await holders(addresses[1])).toEqual([heir]);
    await answers(addresses[1]);
  });

  it('is answered by the nodes of its pods alone when it says so', async () => {
    await kubectl(['label', 'node', `${name}-worker`, 'web=here']);
    const patch = { spec: { template: { spec: { nodeSelector: { web: 'here' } } } } };
    await kubectl(['patch', 'daemonset', 'web', '-p', JSON.stringify(patch)]);
    const local = { spec: { externalTrafficPolicy: 'Local' } };
    await kubectl(['patch', 'service', 'asks', '-p', JSON.stringify(local)]);
    await eventually('the node of its pod answers', async () => {
      expect(await holders(addresses[1])).toEqual([`${name}-worker`]);
    });
    await answers(addresses[1]);
    await kubectl(['label', 'node', `${name}-worker`, 'web-']);
    await eventually('nobody answers', async () => {
      expect(await holders(addresses[1])).toEqual([]);
    });
  });

  it('does not answer once it is deleted', async () => {
    await kubectl(['delete', 'service', 'asks']);
    await silent(addresses[1]);
    await eventually('nobody has the address', async () => {
      expect(await holders(addresses[1])).toEqual([]);
    });
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
