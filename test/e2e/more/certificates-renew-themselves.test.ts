/** Certificates of six minutes: nodes renew them without knest, a client goes on writing, nothing that serves is restarted. */

import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { describeScenario } from '../support/scenario.ts';
import { startWriter } from '../support/writer.ts';
import type { Writer } from '../support/writer.ts';

const name = 'e2e-certs';
const controlPlane = `${name}-control-plane`;
const worker = `${name}-worker`;
const nodes = [controlPlane, worker];

const config = `apiVersion: knest.dev/v1alpha1
kind: Cluster
name: ${name}
certificates: { validity: 6m, renewBefore: 3m }
nodes: [{ role: control-plane }, { role: worker }]
`;

describeScenario('certificates end', { story: true }, (scenario) => {
  const inNode = (node: string, ...argv: string[]) => scenario.ok(['exec', node, '--', ...argv]);
  /** When each certificate of a node ends, in milliseconds since 1970, but for the authorities'. */
  const ends = async (node: string): Promise<Map<string, number>> => {
    const text = await inNode(
      node,
      'sh',
      '-c',
      'cd /etc/kubernetes/pki && for f in *.crt; do echo "# $f"; cat $f; done',
    );
    const files = text.split(/^# /m).slice(1);
    const found = files.map((file): [string, number] => {
      const [called = '', ...pem] = file.split('\n');
      const certificate = new X509Certificate(pem.join('\n'));
      return [called, certificate.ca ? Infinity : Date.parse(certificate.validTo)];
    });
    return new Map(found.filter(([, end]) => end !== Infinity));
  };
  /** systemd's number of the present run of each unit. */
  const runs = async (node: string): Promise<string[]> => {
    const units = [
      'etcd',
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
      'kube-proxy',
      'containerd',
      'knest-agent',
    ];
    const names = node === worker ? units.slice(4) : units;
    const text = await inNode(
      node,
      'systemctl',
      'show',
      '--property=Id,InvocationID',
      ...names.map((unit) => `${unit}.service`),
    );
    return text.trim().split('\n\n').sort();
  };
  const first = new Map<string, Map<string, number>>();
  const before = new Map<string, string[]>();
  let writer: Writer;

  it('create a cluster with short ones', async () => {
    const file = join(scenario.folder, 'certs.yaml');
    await writeFile(file, config);
    await scenario.ok(['create', 'cluster', '--config', file]);
    for (const node of nodes) {
      first.set(node, await ends(node));
      before.set(node, await runs(node));
    }
    writer = await startWriter(scenario, name);
  });

  it('each node renews all of its own', async () => {
    for (const node of nodes) {
      await eventually(
        `${node} has renewed its certificates`,
        async () => {
          const now = await ends(node);
          for (const [file, end] of first.get(node) ?? [])
            expect([file, (now.get(file) ?? 0) > end]).toEqual([file, true]);
        },
        240_000,
      );
    }
    const requests = await scenario.kubectl(name, ['get', 'csr', '-o', 'jsonpath={.items[*].metadata.name}']);
    expect(requests).toContain(`kubelet-${worker}-`);
  });

  it('the first ones end, and nobody notices', async () => {
    const last = Math.max(...[...first.values()].flatMap((one) => [...one.values()]));
    await eventually(
      'the first certificates have almost ended',
      () => {
        expect(Date.now()).toBeGreaterThan(last - 20_000);
        return Promise.resolve();
      },
      240_000,
    );
    const { lost, acknowledged, longestGap } = await writer.stop();
    console.log(`${acknowledged} writes, longest gap ${longestGap} ms, ${lost.length} lost`);
    expect(lost).toEqual([]);
    await eventually(
      'the first certificates have ended',
      () => {
        expect(Date.now()).toBeGreaterThan(last + 10_000);
        return Promise.resolve();
      },
      60_000,
    );
    for (const node of nodes) expect(await runs(node)).toEqual(before.get(node));
  });

  it('renew that of the kubeconfig', async () => {
    await scenario.ok(['renew', 'certificates', name]);
    const kubectl = (...argv: string[]) => scenario.kubectl(name, argv);
    await eventually('both nodes are Ready', async () => {
      const ready = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {end}';
      expect((await kubectl('get', 'nodes', '-o', `jsonpath=${ready}`)).trim()).toBe('True True');
    });
    // whoever deals with it proves itself by a certificate: the controller manager
    await kubectl('create', 'namespace', 'after');
    await eventually('the controller manager works', async () => {
      expect(await kubectl('get', 'serviceaccounts', '--namespace', 'after', '-o', 'name')).toContain(
        'default',
      );
    });
    for (const node of nodes) expect(await runs(node)).toEqual(before.get(node));
  });
});
