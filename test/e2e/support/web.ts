/** A small web server on every node that tells its pod's name, and the question whether everybody reaches everybody. */

import { expect } from 'vitest';

import type { NodeSummary } from '../../../src/operations/types.ts';
import { busyboxArchive } from './busybox.ts';
import { must } from './cli.ts';
import { eventually } from './eventually.ts';
import { daemonSet } from './manifests.ts';
import type { Scenario } from './scenario.ts';

const port = 8080;
const hostPort = 8088;
const nodePort = 30080;

/** /cgi-bin/who tells with which address somebody came. */
const serve = [
  'mkdir -p /www/cgi-bin',
  'hostname > /www/index.html',
  "printf '#!/bin/sh\\necho; echo $REMOTE_ADDR\\n' > /www/cgi-bin/who",
  'chmod +x /www/cgi-bin/who',
  `exec httpd -f -p ${port} -h /www`,
].join('; ');
const everywhere = [{ operator: 'Exists' }];

interface WebPod {
  name: string;
  node: string;
  ip: string;
}

/** Starts it; nodes that come later get one as well, once they have the image. */
export async function startWeb(scenario: Scenario, cluster: string): Promise<void> {
  const set = daemonSet('web', serve);
  const { template } = set.spec;
  const containers = template.spec.containers.map((container) => ({
    ...container,
    ports: [{ containerPort: port, hostPort }],
  }));
  const items = [
    {
      ...set,
      spec: {
        ...set.spec,
        template: { ...template, spec: { ...template.spec, containers, tolerations: everywhere } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: port, nodePort }] },
    },
  ];
  await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', cluster]);
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await scenario.kubectl(cluster, ['apply', '-f', '-'], { input });
}

/**
 * Pods reach pods of their own and of other nodes, by address and by Service, with their own addresses; the host reaches
 * the Service, and the node port and host port of every node.
 */
export async function expectAllConnected(scenario: Scenario, cluster: string): Promise<void> {
  const nodes = JSON.parse(
    await scenario.ok(['get', 'nodes', '--name', cluster, '-o', 'json']),
  ) as NodeSummary[];
  const pods = await eventually(
    'a pod is ready on every node',
    async () => {
      const ready = await readyPods(scenario, cluster);
      expect(ready.map(({ node }) => node).sort()).toEqual(nodes.map(({ name }) => name).sort());
      return ready;
    },
    60_000,
  );
  const service = await scenario.kubectl(cluster, [
    'get',
    'service',
    'web',
    '-o',
    'jsonpath={.spec.clusterIP}',
  ]);
  const names = pods.map(({ name }) => name);
  for (const { name, ip } of pods) {
    for (const other of pods) {
      const url = `http://${bracketed(other.ip)}:${port}/`;
      expect(await fetchFrom(scenario, cluster, name, url), `${name} to ${other.name}`).toBe(other.name);
      const seen = await fetchFrom(scenario, cluster, name, `${url}cgi-bin/who`);
      expect(seen.replace('::ffff:', '').replaceAll(/[[\]]/g, ''), `${name} as ${other.name} sees it`).toBe(
        ip,
      );
    }
    expect(names).toContain(await fetchFrom(scenario, cluster, name, `http://${bracketed(service)}/`));
  }
  expect(names).toContain(await fetchHere(`http://${bracketed(service)}/`));
  for (const { name, address } of nodes) {
    expect(names, `node port of ${name}`).toContain(
      await fetchHere(`http://${bracketed(address)}:${nodePort}/`),
    );
    const own = pods.find(({ node }) => node === name)?.name;
    expect(await fetchHere(`http://${bracketed(address)}:${hostPort}/`), `host port of ${name}`).toBe(own);
  }
}

async function readyPods(scenario: Scenario, cluster: string): Promise<WebPod[]> {
  const text = await scenario.kubectl(cluster, ['get', 'pods', '-l', 'app=web', '-o', 'json']);
  const { items } = JSON.parse(text) as { items: PodObject[] };
  return items
    .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && isReady(status))
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      node: spec.nodeName,
      ip: status.podIP ?? '',
    }));
}

interface PodObject {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { nodeName: string };
  status: { podIP?: string; conditions?: { type: string; status: string }[] };
}

function isReady({ conditions = [] }: PodObject['status']): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** Services and ports follow their pods within a moment. */
function fetchFrom(scenario: Scenario, cluster: string, pod: string, url: string): Promise<string> {
  const command = ['exec', pod, '--', 'timeout', '3', 'wget', '-qO-', url];
  return eventually(`${pod} reaches ${url}`, () => scenario.kubectl(cluster, command), 20_000);
}

function fetchHere(url: string): Promise<string> {
  const command = ['curl', '-gfsS', '--max-time', '3', '--noproxy', '*', url];
  return eventually(`the host reaches ${url}`, () => must(command), 20_000);
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
