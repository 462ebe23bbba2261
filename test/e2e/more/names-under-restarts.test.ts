/** Names as a config file wants them, asked all the time while what answers and what it asks are restarted. */

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { UpstreamServer } from '../../agent/dns/upstream-server.ts';
import { a, upstreamServer } from '../../agent/dns/upstream-server.ts';
import type { NodeSummary } from '../../../src/operations/types.ts';
import type { Asker } from '../support/asker.ts';
import { startAsking } from '../support/asker.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { pod } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-restarts';
const node = `${name}-control-plane`;
/** Its first address is the host's, where the test's own name servers are. */
const nodeSubnet = '10.199.77.0/24';
const host = '10.199.77.1';
const inDefault = (service: string) => `${service}.default.svc.cluster.local`;
/** Milliseconds after which nothing old may be told. */
const stale = 2000;

describeScenario('names under restarts', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const apply = (...items: object[]) =>
    scenario.kubectl(name, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
  const inNode = (...command: string[]) => scenario.ok(['exec', node, '--', ...command]);
  const lookUp = (host: string, type = 'a') =>
    kubectl('exec', 'client', '--', 'sh', '-c', `nslookup -type=${type} ${host} 2>&1 || true`);
  let corp: UpstreamServer;
  let world: UpstreamServer;
  let server = '';
  let asker: Asker | undefined;

  beforeAll(async () => {
    corp = await upstreamServer((asked) => ({ answers: [a(asked, '192.0.2.53')] }), '0.0.0.0');
    world = await upstreamServer(
      (asked) => (asked.endsWith('example.org') ? { answers: [a(asked, '198.51.100.1')] } : { rcode: 3 }),
      '0.0.0.0',
    );
  });
  afterAll(async () => {
    await asker?.stop();
    await Promise.all([corp.close(), world.close()]);
  });

  it('is created with a stub domain, hosts and name servers', async () => {
    const config = {
      ...{
        apiVersion: 'knest.dev/v1alpha1',
        kind: 'Cluster',
        name,
        network: { nodeSubnet, serviceSubnet: '10.199.96.0/20' },
      },
      dns: {
        stubDomains: { 'corp.example': [`${host}:${corp.port}`] },
        hosts: { 'registry.corp.example': ['192.0.2.7'] },
        upstream: [`${host}:${world.port}`],
      },
    };
    await scenario.ok(['create', 'cluster', '--config', '-'], { input: JSON.stringify(config) });
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const nodes = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    server = nodes[0]?.address ?? '';
    await apply(
      pod('client', 'sleep 1000000'),
      service('web', '10.199.97.1'),
      headless,
      slice('192.0.2.101'),
    );
    await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=60s');
  });

  it('pods are told what the config says', async () => {
    expect(await lookUp('git.corp.example')).toContain('192.0.2.53');
    expect(await lookUp('registry.corp.example')).toContain('192.0.2.7');
    expect(await lookUp('7.2.0.192.in-addr.arpa', 'ptr')).toContain('registry.corp.example');
    expect(await lookUp('www.example.org')).toContain('198.51.100.1');
    // each is asked what is its own, and nobody for the cluster's names
    const names = ({ asked }: UpstreamServer) => asked.map((one) => one.split(' ')[0] ?? '');
    expect(names(corp).filter((one) => one !== 'git.corp.example')).toEqual([]);
    expect(names(world).filter((one) => /corp\.example$|cluster\.local$/.test(one))).toEqual([]);
  });

  it('the API server is restarted: every question is answered, and as before', async () => {
    const expected = {
      [inDefault('web')]: '10.199.97.1',
      [inDefault('store')]: '192.0.2.101',
      [inDefault('nobody')]: 'NXDOMAIN',
      'git.corp.example': '192.0.2.53',
    };
    asker = startAsking(server, Object.keys(expected));
    for (let times = 0; times < 2; times += 1) {
      await inNode('systemctl', 'restart', 'kube-apiserver');
      await eventually('the API server answers', () => kubectl('get', 'service', 'web'));
    }
    await enough(asker, Date.now());
    await asker.stop();
    expect(asker.told.length).toBeGreaterThan(500);
    expect(asker.told.filter(({ name: of, answer }) => answer !== expected[of])).toEqual([]);
  });

  it('what changes is told within two seconds, also right after the API server was away', async () => {
    asker = startAsking(server, ['web', 'store', 'late'].map(inDefault));
    for (const round of [2, 3]) {
      const late = round % 2 === 0 ? [service('late', `10.199.97.1${round}`)] : [];
      if (round === 3) {
        await inNode('systemctl', 'restart', 'kube-apiserver');
        await eventually('it takes a change', () => kubectl('delete', 'service', 'late'));
      }
      await kubectl('delete', 'service', 'web');
      await apply(service('web', `10.199.97.${round}`), slice(`192.0.2.10${round}`), ...late);
      const changed = Date.now();
      await enough(asker, changed + stale);
      const answers = new Set(
        asker.since(changed + stale).map(({ name: of, answer }) => `${of.split('.')[0] ?? ''} ${answer}`),
      );
      expect([...answers].sort()).toEqual([
        round === 2 ? 'late 10.199.97.12' : 'late NXDOMAIN',
        `store 192.0.2.10${round}`,
        `web 10.199.97.${round}`,
      ]);
    }
    await asker.stop();
    const failed = asker.told.filter(({ answer }) => ['SERVFAIL', 'no answer'].includes(answer));
    expect(failed).toEqual([]);
  });

  it('the agent is restarted while the API server is away: it answers as before, and never fails', async () => {
    // what is known is saved every other second
    const saved = '/var/lib/knest-agent/cluster.json';
    await eventually('it is saved', () => inNode('grep', '-q', '10.199.97.3', saved));
    await inNode('systemctl', 'stop', 'kube-apiserver');
    asker = startAsking(server, ['web', 'store', 'nobody'].map(inDefault));
    await inNode('systemctl', 'restart', 'knest-agent');
    const restarted = Date.now();
    await eventually('it answers again', () => {
      const answers = asker?.since(restarted).filter(({ answer }) => answer !== 'no answer');
      return answers?.length ? Promise.resolve() : Promise.reject(new Error('not yet'));
    });
    const answering = Date.now();
    await enough(asker, answering);
    const starting = Date.now();
    await inNode('systemctl', 'start', 'kube-apiserver');
    await eventually('the API server takes a change', () => kubectl('delete', 'service', 'web'));
    await apply(service('web', '10.199.97.4'));
    const changed = Date.now();
    await enough(asker, changed + stale);
    await asker.stop();
    // while it was down nobody could answer
    expect(asker.since(answering).filter(({ answer }) => answer === 'no answer')).toEqual([]);
    expect(asker.told.filter(({ answer }) => answer === 'SERVFAIL')).toEqual([]);
    const without = asker.since(answering).filter(({ asked }) => asked < starting);
    expect(new Set(without.map(({ name: of, answer }) => `${of.split('.')[0] ?? ''} ${answer}`))).toEqual(
      new Set(['web 10.199.97.3', 'store 192.0.2.103', 'nobody NXDOMAIN']),
    );
    const later = asker.since(changed + stale).filter(({ name: of }) => of === inDefault('web'));
    expect(new Set(later.map(({ answer }) => answer))).toEqual(new Set(['10.199.97.4']));
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  /** Waits until every name was asked for some times after that moment. */
  async function enough(of: Asker, time: number): Promise<void> {
    await eventually('enough was asked', () => {
      const count = of.since(time).length;
      return count > 100 ? Promise.resolve() : Promise.reject(new Error(`${count} answers`));
    });
  }
});

function service(serviceName: string, clusterIP: string) {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: serviceName } },
    spec: { clusterIP, ports: [{ port: 80 }] },
  };
}

const headless = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'store' } },
  spec: { clusterIP: 'None', ports: [{ port: 80 }] },
};

function slice(address: string) {
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1beta1', kind: 'EndpointSlice' },
    metadata: { name: 'store-1', labels: { 'kubernetes.io/service-name': 'store' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ port: 80 }],
  };
}
