/** A config file that says more than names: what it asks for is there. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';

import { expect, it } from 'vitest';

import { busyboxArchive } from '../support/busybox.ts';
import { must } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { pod } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-config';
const worker = `${name}-worker`;

describeScenario('a config file', { story: true }, (scenario) => {
  const config = () => `
apiVersion: knest.dev/v1alpha1
kind: Cluster
name: ${name}
featureGates:
  TTLAfterFinished: true
network:
  apiServer:
    listenAddress: 127.0.0.1
    certSANs: [api.example.test]
components:
  kubeApiserver:
    extraArgs: { event-ttl: 30m }
nodes:
  - role: control-plane
  - role: worker
    suite: bookworm
    labels: { tier: edge, node-role.kubernetes.io/edge: "" }
    taints: [{ key: dedicated, value: edge, effect: NoSchedule }]
    resources: { cpus: 1.5, memory: 2Gi, tasks: 2000 }
    kubelet: { config: { maxPods: 42 } }
    extraMounts:
      - { hostPath: ${scenario.folder}/data, containerPath: /data }
      - { hostPath: ${scenario.folder}/fixed, containerPath: /fixed, readOnly: true }
      - { hostPath: ${scenario.folder}/made, containerPath: /made, type: DirectoryOrCreate }
    extraPortMappings:
      - { containerPort: 8080, hostPort: 18080, listenAddress: 127.0.0.1 }
`;
  const create = async () => {
    await writeFile(`${scenario.folder}/cluster.yaml`, config());
    return scenario.knest(['create', 'cluster', '--config', `${scenario.folder}/cluster.yaml`]);
  };
  const inWorker = (...argv: string[]) => scenario.ok(['exec', worker, '--', ...argv]);

  it('a port that somebody listens on is found before anything is made', async () => {
    await mkdir(`${scenario.folder}/data`);
    await mkdir(`${scenario.folder}/fixed`);
    await writeFile(`${scenario.folder}/fixed/text`, 'from the host');
    const server = createServer().listen(18080, '127.0.0.1');
    try {
      const { exitCode, stderr } = await create();
      expect(exitCode).toBe(2);
      expect(stderr).toContain('nodes[1].extraPortMappings[0].hostPort');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('create', async () => {
    const { exitCode, stderr } = await create();
    expect(exitCode, stderr).toBe(0);
  });

  it('the node has its Debian, labels, taints, limits and kubelet settings', async () => {
    expect(await inWorker('cat', '/etc/debian_version')).toMatch(/^12\./);
    const node = JSON.parse(await scenario.kubectl(name, ['get', 'node', worker, '-o', 'json'])) as {
      metadata: { labels: Record<string, string> };
      spec: { taints: object[] };
      status: { allocatable: Record<string, string> };
    };
    expect(node.metadata.labels).toMatchObject({ tier: 'edge', 'node-role.kubernetes.io/edge': '' });
    expect(node.spec.taints).toEqual([{ key: 'dedicated', value: 'edge', effect: 'NoSchedule' }]);
    expect(node.status.allocatable).toMatchObject({ cpu: '1500m', pods: '42' });
    expect(Number.parseInt(node.status.allocatable['memory'] ?? '', 10)).toBeLessThanOrEqual(2 * 1024 * 1024);
    const limit = await must([
      'sh',
      '-c',
      `cat /sys/fs/cgroup/memory/knest/${worker}/memory.limit_in_bytes || cat /sys/fs/cgroup/knest/${worker}/memory.max`,
    ]);
    expect(limit.trim()).toBe(String(2 ** 31));
  });

  it('its mounts go both ways, read-only ones one way', async () => {
    await inWorker('sh', '-c', 'echo from the node > /data/text');
    expect(await readFile(`${scenario.folder}/data/text`, 'utf8')).toBe('from the node\n');
    expect(await inWorker('cat', '/fixed/text')).toBe('from the host');
    expect((await scenario.knest(['exec', worker, '--', 'touch', '/fixed/no'])).exitCode).not.toBe(0);
    expect(await inWorker('ls', '/made')).toBe('');
  });

  it('its port answers on the host', async () => {
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const serve = 'echo works > /www/index.html; exec httpd -f -p 8080 -h /www';
    const web = pod('web', serve);
    const tolerations = [{ operator: 'Exists' }];
    const spec = { ...web.spec, hostNetwork: true, nodeName: worker, tolerations };
    await scenario.kubectl(name, ['apply', '-f', '-'], { input: JSON.stringify({ ...web, spec }) });
    await scenario.kubectl(name, ['wait', '--for=condition=Ready', 'pod/web', '--timeout=60s']);
    const page = await eventually('the port answers', () =>
      must(['curl', '-fsS', '--max-time', '3', '--noproxy', '*', 'http://127.0.0.1:18080/']),
    );
    expect(page.trim()).toBe('works');
  });

  it('the kubeconfig leads to a port of 127.0.0.1, by the name that was asked for as well', async () => {
    const kubeconfig = await scenario.ok(['get', 'kubeconfig', '--name', name]);
    const server = /server: https:\/\/127\.0\.0\.1:(\d+)/.exec(kubeconfig);
    expect(server).not.toBeNull();
    const port = server?.[1] ?? '';
    const authority = /certificate-authority-data: (\S+)/.exec(kubeconfig)?.[1] ?? '';
    await writeFile(`${scenario.folder}/ca.crt`, Buffer.from(authority, 'base64'));
    const version = await must([
      ...['curl', '-fsS', '--noproxy', '*', '--cacert', `${scenario.folder}/ca.crt`],
      ...['--resolve', `api.example.test:${port}:127.0.0.1`, `https://api.example.test:${port}/version`],
    ]);
    expect(version).toContain('gitVersion');
  });

  it('components have their flags', async () => {
    const processes = await scenario.ok(['exec', `${name}-control-plane`, '--', 'ps', '-eo', 'args']);
    expect(processes).toContain('--event-ttl=30m');
    expect(processes).toMatch(/kube-apiserver.*--feature-gates=TTLAfterFinished=true/);
  });

  it('delete: the host is as before, with the user’s files', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    expect(await readFile(`${scenario.folder}/data/text`, 'utf8')).toBe('from the node\n');
    await scenario.expectCleanHost();
  });
});
