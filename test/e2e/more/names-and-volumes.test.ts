/** What makes a cluster complete: names for everything in it, and volumes that outlive pods and machines. */

import { readdir } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { busyboxArchive, busyboxImage } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { deployment, pod, service } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-names';
const node = `${name}-control-plane`;

describeScenario('names and volumes', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const apply = (...objects: object[]) =>
    scenario.kubectl(name, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
  const inNode = (...command: string[]) => scenario.ok(['exec', node, '--', ...command]);
  const fromClient = (script: string) => kubectl('exec', 'client', '--', 'sh', '-c', script);
  /** By the resolver of the C library, as programs do. */
  const addressOf = async (host: string) =>
    /\(([\d.]+)\)/.exec(await fromClient(`ping -c 1 -W 1 ${host} 2>&1 | head -1`))?.[1];
  const lookUp = (host: string, type = 'a') => fromClient(`nslookup -type=${type} ${host} 2>&1 || true`);
  const volumes = () => readdir(`${scenario.state}/machines/${node}/data/knest-volumes`);

  it('has its DNS and its StorageClass when it is created', async () => {
    await scenario.ok(['create', 'cluster', '--name', name]);
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    await eventually('kube-dns has an address behind it', async () => {
      const addresses = await kubectl(
        ...['-n', 'kube-system', 'get', 'endpoints', 'kube-dns'],
        ...['-o', 'jsonpath={.subsets[*].addresses[*].ip}'],
      );
      expect(addresses).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    });
    expect(await kubectl('get', 'storageclass')).toMatch(/^standard \(default\)/m);
  });

  it('lets pods find Services, pods and other names', async () => {
    await apply(
      deployment('web', 1, 'mkdir -p /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www'),
      service('web', 8080),
      statefulSet(),
      {
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'store' } },
        spec: { clusterIP: 'None', selector: { app: 'store' }, ports: [{ name: 'sql', port: 5432 }] },
      },
      {
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'alias' } },
        spec: { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' },
      },
      pod('client', 'sleep 1000000'),
    );
    for (const what of ['deployment/web', 'statefulset/store'])
      await kubectl('rollout', 'status', what, '--timeout=60s');
    await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=60s');
    const clusterIp = await kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const podIp = await kubectl('get', 'pod', 'store-1', '-o', 'jsonpath={.status.podIP}');
    for (const host of ['web', 'web.default', 'web.default.svc', 'web.default.svc.cluster.local', 'alias'])
      expect(await addressOf(host), host).toBe(clusterIp);
    expect(await addressOf('store-1.store')).toBe(podIp);
    expect(await lookUp('_sql._tcp.store.default.svc.cluster.local', 'srv')).toContain(
      '5432 store-1.store.default.svc.cluster.local',
    );
    const reverse = `${clusterIp.split('.').reverse().join('.')}.in-addr.arpa`;
    expect(await lookUp(reverse, 'ptr')).toContain('name = web.default.svc.cluster.local');
    expect(await lookUp('nobody.default.svc.cluster.local')).toContain('NXDOMAIN');
    expect(await fromClient('timeout 3 wget -qO- http://web/')).toMatch(/^web-/);
  });

  it('answers without the API server, and knows what is new when that is back', async () => {
    const late = 'late.default.svc.cluster.local';
    expect(await lookUp(late)).toContain('NXDOMAIN');
    // asked from the machine: without the API server nobody can be executed in a pod
    const path = ['-n', 'kube-system', 'get', 'service', 'kube-dns'];
    const server = await kubectl(...path, '-o', 'jsonpath={.spec.clusterIP}');
    const ask = (host: string) => inNode('sh', '-c', `${fromNode(host, server)} || true`);
    await inNode('systemctl', 'stop', 'kube-apiserver');
    expect(await ask('web.default.svc.cluster.local')).toMatch(/^\d+\.\d+/);
    expect(await ask(late)).toBe('ENOTFOUND');
    await inNode('systemctl', 'start', 'kube-apiserver');
    await eventually('the API server takes a Service', () =>
      kubectl('create', 'service', 'clusterip', 'late', '--tcp=80'),
    );
    await eventually(
      'it has a name',
      async () => {
        expect(await ask(late)).toMatch(/^\d+\.\d+/);
      },
      2000,
    );
    await kubectl('delete', 'service', 'late');
    await eventually(
      'it has none',
      async () => {
        expect(await ask(late)).toBe('ENOTFOUND');
      },
      2000,
    );
  });

  it('keeps data when the cluster is stopped and started', async () => {
    await kubectl('exec', 'store-0', '--', 'sh', '-c', 'echo precious > /data/file');
    await scenario.ok(['stop', 'cluster', '--name', name]);
    await scenario.ok(['start', 'cluster', '--name', name]);
    const read = () => kubectl('exec', 'store-0', '--', 'cat', '/data/file');
    expect(await eventually('the pod is back', read, 60_000)).toBe('precious');
  });

  it('keeps data when the node is restarted', async () => {
    await scenario.ok(['restart', 'node', node]);
    const read = () => kubectl('exec', 'store-0', '--', 'cat', '/data/file');
    expect(await eventually('the pod is back', read, 60_000)).toBe('precious');
  });

  it('frees the disk when claims are deleted, and keeps what is to be retained', async () => {
    expect(await volumes()).toHaveLength(2);
    const retained = await kubectl('get', 'pvc', 'data-store-1', '-o', 'jsonpath={.spec.volumeName}');
    await kubectl(
      ...['patch', 'pv', retained, '--type=merge', '-p'],
      '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}',
    );
    await kubectl('delete', 'statefulset', 'store');
    await kubectl('delete', 'pvc', 'data-store-0', 'data-store-1');
    await eventually('one volume is left', async () => {
      expect(await volumes()).toEqual([`${retained}_default_data-store-1`]);
    });
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  /** Asks kube-dns by Node, which every machine has: prints the address or the error's code. */
  function fromNode(host: string, server: string): string {
    const script = `
      const resolver = new (require("dns").promises.Resolver)({ timeout: 2000, tries: 1 });
      resolver.setServers(["${server}"]);
      resolver.resolve4("${host}").then(([one]) => console.log(one), ({ code }) => console.log(code));`;
    return `node -e '${script.replaceAll('\n', ' ')}'`;
  }
});

function statefulSet() {
  const labels = { app: 'store' };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'store' } },
    spec: {
      ...{ serviceName: 'store', replicas: 2, podManagementPolicy: 'Parallel' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          // any user may write to a volume
          securityContext: { runAsUser: 1000 },
          containers: [
            {
              ...{ name: 'main', image: busyboxImage, imagePullPolicy: 'Never' },
              command: ['sleep', '1000000'],
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    },
  };
}
