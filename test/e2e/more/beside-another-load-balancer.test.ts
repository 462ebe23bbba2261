/** Services whose addresses another controller gives: knest writes nothing that somebody else would take away again. */

import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-rivals';
/** Of nobody's pool. */
const foreign = '192.0.2.77';
const kindConfig = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';
/** Milliseconds in which knest answered a foreign address with its own: less than one second, every time. */
const longEnough = 5_000;

interface Service {
  metadata: { resourceVersion: string };
  status: object;
}

describeScenario('beside another load balancer', { story: true }, (scenario) => {
  const kubectl = (args: readonly string[], input?: unknown) =>
    scenario.kubectl(name, args, input === undefined ? {} : { input: JSON.stringify(input) });
  const service = (own: string, { metadata = {}, spec = {} }: { metadata?: object; spec?: object } = {}) => ({
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: { name: own, ...metadata },
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
  });
  const externalOf = (own: string) =>
    kubectl(['get', 'service', own, '-o', 'jsonpath={.status.loadBalancer.ingress[*].ip}']);
  const read = async (own: string) =>
    JSON.parse(await kubectl(['get', 'service', own, '-o', 'json'])) as Service;
  /** As a controller does; kubectl has --subresource only since 1.24. */
  const setStatus = async (own: string, ...ips: string[]) => {
    const path = `/api/v1/namespaces/default/services/${own}/status`;
    const object = { ...(await read(own)), status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } } };
    await kubectl(['replace', '--raw', path, '-f', '-'], object);
  };
  /** Nobody has written anything since. */
  const stays = async (own: string) => {
    const before = await read(own);
    await sleep(longEnough);
    expect((await read(own)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  };

  it('leaves an address that another controller has put in place of its own', async () => {
    await scenario.ok(['create', 'cluster', '--name', name]);
    await kubectl(['apply', '-f', '-'], service('taken'));
    await eventually('knest was first', async () => {
      expect(await externalOf('taken')).toMatch(/^\d/);
    });
    await setStatus('taken', foreign);
    await stays('taken');
    expect(await externalOf('taken')).toBe(foreign);
    // what the other one takes away again is not a reason to begin anew
    await setStatus('taken');
    await stays('taken');
    await eventually('an event says so', async () => {
      expect(await kubectl(['describe', 'service', 'taken'])).toMatch(/Normal +LeftToOthers/);
    });
    await eventually('no node answers for the address', async () => {
      const data = await kubectl([
        '-n',
        'kube-system',
        'get',
        'configmap',
        'knest-load-balancer',
        '-o',
        'jsonpath={.data}',
      ]);
      expect(['', '{}']).toContain(data.trim());
    });
  });

  it('leaves Services that are marked for others, and says so', async () => {
    const annotations = { 'metallb.io/address-pool': 'blue' };
    await kubectl(['apply', '-f', '-'], service('marked', { metadata: { annotations } }));
    await eventually('an event says so', async () => {
      expect(await kubectl(['describe', 'service', 'marked'])).toMatch(/LeftToOthers .*MetalLB/);
    });
    await stays('marked');
    expect(await externalOf('marked')).toBe('');
  });

  it('gives no address twice that another controller has of the same subnet', async () => {
    await kubectl(['apply', '-f', '-'], service('mine'));
    await eventually('it has one', async () => {
      expect(await externalOf('mine')).toMatch(/^\d/);
    });
    const address = await externalOf('mine');
    await kubectl(['delete', 'service', 'mine']);
    await setStatus('marked', address);
    await kubectl(['apply', '-f', '-'], service('next'));
    await eventually('the next has another one', async () => {
      expect(await externalOf('next')).toMatch(/^\d/);
    });
    expect(await externalOf('next')).not.toBe(address);
    expect(await externalOf('marked')).toBe(address);
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  it("is off for a config of kind's with a flag", async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--config', '-', '--load-balancer', 'off'], {
      input: kindConfig,
    });
    await kubectl(['apply', '-f', '-'], service('alone'));
    await stays('alone');
    expect(await externalOf('alone')).toBe('');
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
