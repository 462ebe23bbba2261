/** What clusters are for: pods that run, find each other and can be looked into. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import { expect, it } from 'vitest';

import type { NodeSummary } from '../../../src/operations/types.ts';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import { busyboxArchive, busyboxImage } from '../support/busybox.ts';
import { mainFile, must, run } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { daemonSet, deployment, job, pod, service } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-workload';
const node = `${name}-control-plane`;
/** Not its own -T, with which Debian's busybox-static 1.35 crashes. */
const wget = ['timeout', '3', 'wget', '-qO-'];

describeScenario('run a workload', { story: true }, (scenario) => {
  let clusterIp: string;
  let nodeAddress: string;
  let nodePort: number;

  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const apply = (...objects: object[]) =>
    scenario.kubectl(name, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
  const jsonpath = (what: string, path: string) =>
    kubectl('get', ...what.split(' '), '-o', `jsonpath={${path}}`);
  const fromClient = (url: string) => kubectl('exec', 'client', '--', ...wget, url);
  const fromHost = (url: string) => must(['curl', '-sS', '--max-time', '5', '--noproxy', '*', url]);

  it('loads an image from an archive', async () => {
    await scenario.ok(['create', 'cluster', '--name', name]);
    const archive = await busyboxArchive();
    const names = await scenario.ok(['load', 'image-archive', archive, '--name', name, '-o', 'name']);
    expect(names).toBe(busyboxImage);
  });

  it('runs a Deployment behind a Service', async () => {
    await apply(
      deployment('web', 2, 'mkdir -p /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www'),
      service('web', 8080),
      pod('client', 'sleep 1000000'),
    );
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=60s');
    clusterIp = await jsonpath('service web', '.spec.clusterIP');
    nodePort = Number(await jsonpath('service web', '.spec.ports[0].nodePort'));
    const [machine] = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    nodeAddress = machine?.address ?? '';
  });

  it('answers another pod and the host through pod IP, ClusterIP and NodePort', async () => {
    const podIps = (await jsonpath('pods -l app=web', '.items[*].status.podIP')).split(' ');
    expect(podIps).toHaveLength(2);
    const urls = [
      ...podIps.map((ip) => `http://${ip}:8080/`),
      `http://${clusterIp}/`,
      `http://${nodeAddress}:${nodePort}/`,
    ];
    for (const url of urls) {
      expect(await eventually(`a pod reaches ${url}`, () => fromClient(url)), url).toMatch(/^web-/);
      expect(await eventually(`the host reaches ${url}`, () => fromHost(url)), url).toMatch(/^web-/);
    }
  });

  it('spreads connections over both pods', async () => {
    const seen = new Set<string>();
    await eventually('both have answered', async () => {
      seen.add(await fromHost(`http://${clusterIp}/`));
      expect(seen.size).toBe(2);
      return Promise.resolve();
    });
  });

  it('lets a pod reach itself through its own Service', async () => {
    await kubectl('scale', 'deployment/web', '--replicas=1');
    const only = await eventually('the Service has one pod left', async () => {
      const names = await jsonpath('endpoints web', '.subsets[*].addresses[*].targetRef.name');
      expect(names).toMatch(/^\S+$/);
      return names;
    });
    const url = `http://${clusterIp}/`;
    expect(await eventually('hairpin', () => kubectl('exec', only, '--', ...wget, url))).toBe(only);
  });

  it('passes on exit codes, streams and logs', async () => {
    const script = ['exec', '-i', 'client', '--', 'sh', '-c', 'cat; echo err >&2; exit 3'];
    const outcome = await scenario.knest(['kubectl', '--name', name, '--', ...script], { input: 'in' });
    expect(outcome.stdout).toBe('in');
    expect(outcome.stderr).toContain('err\n');
    expect(outcome.exitCode).toBe(3);
    await apply(pod('speaker', 'echo one; echo two; sleep 1000000'));
    await kubectl('wait', '--for=condition=Ready', 'pod/speaker', '--timeout=60s');
    expect(await kubectl('logs', 'speaker')).toBe('one\ntwo');
  });

  it('forwards a port', async () => {
    const args = ['kubectl', '--name', name, '--', 'port-forward', 'service/web', ':80'];
    // kubectl picks a pod of the Service and ends when that one is just going away
    await eventually('a port is forwarded', async () => {
      const child = spawn(process.execPath, [mainFile, ...args], {
        env: { ...process.env, KNEST_STATE_DIR: scenario.state },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exit = once(child, 'exit');
      try {
        const line = once(createInterface(child.stdout), 'line') as Promise<[string]>;
        const [first] = await Promise.race([line, exit.then(() => ['kubectl port-forward has ended'])]);
        const port = /127\.0\.0\.1:(\d+) ->/.exec(first)?.[1];
        expect(port, first).toBeDefined();
        expect(await fromHost(`http://127.0.0.1:${port}/`)).toMatch(/^web-/);
      } finally {
        child.kill('SIGTERM');
        await exit;
      }
    });
  });

  it('describes nodes and pods', async () => {
    const about = await kubectl('describe', 'node', node);
    expect(about).toMatch(/Container Runtime Version: +containerd:\/\/\d/);
    expect(about).toMatch(/^ {2}default +client /m);
    const aboutPod = await kubectl('describe', 'pod', 'client');
    expect(aboutPod).toMatch(/Started container/);
    const troubles = aboutPod.split('\n').filter((line) => /Failed|BackOff|Unhealthy/.test(line));
    expect(troubles).toEqual([]);
  });

  it('opens a hostPort', async () => {
    const answer = 'while true; do echo hello from the host port | nc -l -p 9000; done';
    await apply(pod('door', answer, { ports: [{ containerPort: 9000, hostPort: 9999 }] }));
    await kubectl('wait', '--for=condition=Ready', 'pod/door', '--timeout=60s');
    const call = ['bash', '-c', `exec 3<>/dev/tcp/${nodeAddress}/9999 && cat <&3`];
    await eventually('it answers', async () => {
      const { stdout } = await run(call, { timeout: 5_000 });
      expect(stdout).toBe('hello from the host port');
    });
  });

  it('puts limits into cgroups of the machine', async () => {
    const resources = { limits: { cpu: '200m', memory: '64Mi' }, requests: { cpu: '100m', memory: '32Mi' } };
    await apply(pod('limited', 'sleep 1000000', { resources }));
    await kubectl('wait', '--for=condition=Ready', 'pod/limited', '--timeout=60s');
    const uid = await jsonpath('pod limited', '.metadata.uid');
    const groups = await must([
      'find',
      '/sys/fs/cgroup',
      '-type',
      'd',
      '-regex',
      `.*${uid.replaceAll('-', '[-_]')}[^/]*`,
    ]);
    const folders = groups.split('\n');
    expect(folders.length).toBeGreaterThan(0);
    for (const folder of folders) expect(folder).toContain(`/knest/${node}/`);
    const limits = await Promise.all(
      folders
        .flatMap((folder) => [`${folder}/memory.limit_in_bytes`, `${folder}/memory.max`])
        .map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    expect(limits.map((text) => text.trim())).toContain(String(64 * 1024 * 1024));
    const quotas = await Promise.all(
      folders
        .flatMap((folder) => [`${folder}/cpu.cfs_quota_us`, `${folder}/cpu.max`])
        .map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    expect(quotas.some((text) => /^20000\b/.test(text))).toBe(true);
  });

  it('finishes a Job, and runs a DaemonSet on the node', async () => {
    await apply(job('once', 'echo done'), daemonSet('everywhere', 'sleep 1000000'));
    await kubectl('wait', '--for=condition=complete', 'job/once', '--timeout=60s');
    await kubectl('rollout', 'status', 'daemonset/everywhere', '--timeout=60s');
    expect(await kubectl('logs', 'job/once')).toBe('done');
  });

  it('mounts ConfigMaps, Secrets and a token that the API server takes', async () => {
    await apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour: 'green' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'password' }, stringData: { word: 'sesame' } },
      pod('reader', 'sleep 1000000', {}, [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'password', secret: { secretName: 'password' } },
        {
          name: 'token',
          projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] },
        },
      ]),
    );
    await kubectl('wait', '--for=condition=Ready', 'pod/reader', '--timeout=60s');
    const read = (file: string) => kubectl('exec', 'reader', '--', 'cat', file);
    expect(await read('/volumes/settings/colour')).toBe('green');
    expect(await read('/volumes/password/word')).toBe('sesame');
    const plan = JSON.parse(
      await readFile(`${scenario.state}/clusters/${name}/plan.json`, 'utf8'),
    ) as ClusterPlan;
    for (const file of ['/volumes/token/token', '/var/run/secrets/kubernetes.io/serviceaccount/token']) {
      const token = await read(file);
      const url = `${plan.endpoint}/api/v1/namespaces/default/pods`;
      const answer = await must([
        'curl',
        '-sk',
        '--noproxy',
        '*',
        '-H',
        `Authorization: Bearer ${token}`,
        url,
      ]);
      // known, and without rights: 403 and not 401
      expect(answer, file).toContain('User \\"system:serviceaccount:default:default\\" cannot list');
    }
  });

  it('reaches the API server from a pod', async () => {
    const connect = 'nc -w 3 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null && echo open';
    expect(await kubectl('exec', 'client', '--', 'sh', '-c', connect)).toBe('open');
  });

  it('takes a deleted pod away', async () => {
    const uid = await jsonpath('pod limited', '.metadata.uid');
    const group = `.*/${node}/.*${uid.replaceAll('-', '[-_]')}.*/cgroup.procs`;
    const processes = (): Promise<string> =>
      must(['find', '/sys/fs/cgroup', '-regex', group, '-exec', 'cat', '{}', '+']);
    expect(await processes()).not.toBe('');
    await kubectl('delete', 'pod', 'limited', '--grace-period=1', '--wait=false');
    await eventually('nothing of it runs', async () => {
      expect(await processes()).toBe('');
    });
    // the object: a kubelet of 1.20 looks every ten seconds, and only once a minute where the sandbox ended late
    await kubectl('wait', '--for=delete', 'pod/limited', '--timeout=90s');
  });

  it('deletes the cluster with its pods running', async () => {
    const started = Date.now();
    await scenario.ok(['delete', 'cluster', '--name', name]);
    expect(Date.now() - started, 'milliseconds').toBeLessThan(3_000);
    await scenario.expectCleanHost();
  });
});
