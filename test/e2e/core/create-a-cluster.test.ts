/** The main job: two commands make a cluster and take it away, and every other command tells the truth about it. */

import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { agentProgram } from '../../../src/workstation/agent-program.ts';
import type {
  ClusterStatus,
  ClusterSummary,
  CreateResult,
  NodeSummary,
} from '../../../src/operations/types.ts';
import { exitCodes } from '../../../src/errors.ts';
import { mainFile, must, run } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-create';
const node = `${name}-control-plane`;

const foreign = `# written by hand
apiVersion: v1
kind: Config
clusters:
  - name: work
    cluster: { server: https://192.0.2.7:6443 } # the real one
contexts:
  - name: work
    context: { cluster: work, user: me }
current-context: work
users:
  - name: me
    user: { token: secret }
`;

describeScenario('create a cluster', { story: true }, (scenario) => {
  let created: CreateResult;
  let planFolder: string;

  it('plans it without touching anything', async () => {
    planFolder = join(scenario.folder, 'plan');
    const text = await scenario.ok(['plan', 'cluster', '--name', name]);
    expect(text).toContain(`machines    ${node}`);
    await scenario.ok(['plan', 'cluster', '--name', name, '-o', `dir:${planFolder}`]);
    await scenario.expectCleanHost();
  });

  it('creates it: the story on stderr, the result on stdout', async () => {
    await writeFile(scenario.kubeconfig, foreign, { mode: 0o600 });
    const { exitCode, stdout, stderr } = await scenario.knest([
      ...['create', 'cluster', '--name', name, '-o', 'json'],
    ]);
    expect(stderr).toMatch(/^Certificates: done \(\d+\.\ds\)$/m);
    expect(stderr).toMatch(/^Node Ready: done \(\d+\.\ds\)$/m);
    expect(stderr).toMatch(new RegExp(`^Cluster "${name}" is Ready after `, 'm'));
    expect(exitCode).toBe(0);
    created = JSON.parse(stdout) as CreateResult;
    expect(created).toMatchObject({ name, context: `knest-${name}`, nodes: [node] });
    expect(created.kubeconfig).toBe(scenario.kubeconfig);
  });

  it('has a Ready node with its roles', async () => {
    const nodes = await scenario.kubectl(name, ['get', 'nodes', '--no-headers']);
    expect(nodes.split('\n')).toEqual([
      expect.stringMatching(
        new RegExp(`^${node} +Ready +control-plane,master .* ${created.kubernetesVersion}$`),
      ),
    ]);
  });

  it('says that it exists when it is created again', async () => {
    const { exitCode, stdout, stderr } = await scenario.knest(['create', 'cluster', '--name', name]);
    expect(stderr).toContain(`cluster "${name}" exists already`);
    expect(stderr).toContain(`knest delete cluster --name ${name}`);
    expect(stdout).toBe('');
    expect(exitCode).toBe(exitCodes.exists);
  });

  it('is listed in every format', async () => {
    const list = (what: string, format: string) =>
      scenario.ok(['get', what, ...(what === 'nodes' ? ['--name', name] : []), '-o', format]);
    expect(await list('clusters', 'name')).toBe(name);
    expect(await list('nodes', 'name')).toBe(node);
    expect(await list('clusters', 'wide')).toMatch(
      new RegExp(`^${name} +running +1 .*${created.endpoint}`, 'm'),
    );
    expect(await list('nodes', 'wide')).toMatch(
      new RegExp(`^${node} +${name} +control-plane +running .*${created.kubernetesVersion} +[\\d.]+ `, 'm'),
    );
    const clusters = JSON.parse(await list('clusters', 'json')) as ClusterSummary[];
    expect(clusters).toMatchObject([{ name, state: 'running', nodes: 1 }]);
    expect(parse(await list('clusters', 'yaml'))).toEqual(clusters);
    const nodes = JSON.parse(await list('nodes', 'json')) as NodeSummary[];
    expect(nodes).toMatchObject([{ name: node, cluster: name, role: 'control-plane', state: 'running' }]);
    expect(parse(await list('nodes', 'yaml'))).toEqual(nodes);
    expect(await readFile(`/proc/${nodes[0]?.leader}/comm`, 'utf8')).toBe('systemd\n');
  });

  it('is well: units, probes, conditions, certificates', async () => {
    const status = await eventually('every probe succeeds', async () => {
      const { exitCode, stdout } = await scenario.knest(['status', 'cluster', '--name', name, '-o', 'json']);
      const found = JSON.parse(stdout) as ClusterStatus;
      expect(found.nodes.flatMap(({ probes }) => probes.filter(({ ok }) => !ok))).toEqual([]);
      expect(found.apiserver.ok).toBe(true);
      expect(exitCode).toBe(0);
      return found;
    });
    expect(status).toMatchObject({
      state: 'running',
      nodes: [{ ready: true, kubeletVersion: created.kubernetesVersion }],
    });
    const units = status.nodes.flatMap((each) => each.units);
    expect(units.map((unit) => unit.name)).toEqual(
      expect.arrayContaining([
        ...['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map(
          (unit) => `${unit}.service`,
        ),
        ...['containerd.service', 'kubelet.service', 'kube-proxy.service', 'k8s.target'],
      ]),
    );
    expect(units.filter(({ active }) => active !== 'active')).toEqual([]);
    expect(status.certificates.length).toBeGreaterThan(10);
    const text = await scenario.ok(['status', 'cluster', '--name', name]);
    expect(text).toContain('✓ etcd answers');
    expect(text).not.toContain('✗');
  });

  it('has no failed unit inside', async () => {
    expect(await scenario.ok(['exec', node, '--', 'systemctl', '--failed', '--no-legend', '--plain'])).toBe(
      '',
    );
    expect(await scenario.ok(['exec', node, '--', 'systemctl', 'is-system-running'])).toBe('running');
  });

  it('holds exactly the files that were planned', async () => {
    const root = join(planFolder, 'machines', node, 'root');
    const planned = await filesBelow(root);
    expect(planned.length).toBeGreaterThan(50);
    const upper = join(scenario.state, 'machines', node, 'upper');
    for (const path of planned) {
      const [wanted, real] = await Promise.all([contentOf(join(root, path)), contentOf(join(upper, path))]);
      // plans name keys and certificates, they do not hold them
      if (wanted.endsWith(': made when the cluster is created\n')) expect(real, path).toMatch(/^-----BEGIN /);
      else if (wanted === 'knest-agent.mjs: comes with knest\n')
        expect(real, path).toBe((await agentProgram()).toString());
      else expect(real, path).toBe(wanted);
    }
    const folders = ['etc/kubernetes', 'etc/systemd/system', 'etc/containerd', 'etc/cni'];
    const there = (await Promise.all(folders.map((folder) => filesBelow(join(upper, folder), upper)))).flat();
    expect(
      there.filter((path) => !planned.includes(path)),
      'files nobody planned',
    ).toEqual([]);
  });

  it('runs commands in a node and passes on exit codes and streams', async () => {
    const script = 'cat; echo to stderr >&2; exit 42';
    const outcome = await scenario.knest(['exec', node, '--', 'sh', '-c', script], { input: 'to stdin' });
    expect(outcome).toEqual({ exitCode: 42, stdout: 'to stdin', stderr: 'to stderr' });
    const killed = await scenario.knest(['exec', node, '--', 'sh', '-c', 'kill -9 $$']);
    expect(killed.exitCode).toBe(137);
    expect((await scenario.knest(['exec', node, '--', 'no-such-program'])).exitCode).toBe(127);
    expect(await scenario.ok(['exec', node, '--', 'hostname'])).toBe(node);
    expect(await scenario.ok(['exec', node, '--', 'kubectl', 'get', 'nodes', '-o', 'name'])).toBe(
      `node/${node}`,
    );
    const groups = await scenario.ok(['exec', node, '--', 'cat', '/proc/self/cgroup']);
    expect(groups, 'accounted to the machine').not.toContain('/..');
  });

  it('opens a shell on a terminal', async () => {
    const shell = 'exec "$NODE" "$KNEST" shell "$MACHINE"';
    const { exitCode, stdout } = await run(['script', '-q', '-e', '-c', shell, '/dev/null'], {
      input: 'test -t 0 && echo "on a $((40 + 2)) terminal of $(hostname)"; exit 7\n',
      env: {
        KNEST_STATE_DIR: scenario.state,
        TERM: 'xterm',
        NODE: process.execPath,
        KNEST: mainFile,
        MACHINE: node,
      },
    });
    expect(stdout).toContain(`on a 42 terminal of ${node}`);
    expect(exitCode).toBe(7);
  });

  it("prints a unit's journal", async () => {
    const journal = await scenario.ok(['logs', node, '-u', 'kubelet', '-n', '200']);
    expect(journal).toContain('kubelet');
    expect(journal).not.toContain('etcd[');
  });

  it('gives out kubeconfigs that work', async () => {
    const alone = join(scenario.folder, 'alone.yaml');
    await writeFile(alone, await scenario.ok(['get', 'kubeconfig', '--name', name]), { mode: 0o600 });
    const elsewhere = join(scenario.folder, 'new-folder', 'config');
    await scenario.ok(['export', 'kubeconfig', '--name', name, '--kubeconfig', elsewhere]);
    const kubectl = await kubectlOf(scenario.state);
    for (const file of [alone, elsewhere, scenario.kubeconfig]) {
      const args = ['--kubeconfig', file, '--context', `knest-${name}`, 'get', 'nodes', '-o', 'name'];
      expect(await must([kubectl, ...args]), file).toBe(`node/${node}`);
    }
  });

  it('added its context to the kubeconfig that was there, and kept the rest', async () => {
    const text = await readFile(scenario.kubeconfig, 'utf8');
    expect(text).toContain('# the real one');
    const config = parse(text) as Record<'clusters' | 'contexts' | 'users', { name: string }[]>;
    expect(config).toMatchObject({ 'current-context': `knest-${name}` });
    for (const list of ['clusters', 'contexts'] as const) {
      expect(config[list].map((entry) => entry.name)).toEqual(['work', `knest-${name}`]);
    }
    expect(config.users.map((entry) => entry.name)).toEqual(['me', `knest-${name}`]);
  });

  it('lets nobody in without a certificate', async () => {
    const { address } = await theNode();
    const anonymous = await run([
      'curl',
      '-sk',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `https://${address}:10250/pods`,
    ]);
    expect(anonymous.stdout, 'kubelet').toBe('401');
    const readOnly = await run(['curl', '-s', '--max-time', '5', `http://${address}:10255/pods`]);
    expect(readOnly.exitCode, 'read-only port of the kubelet').not.toBe(0);
    const stranger = await run(['curl', '-sk', `${created.endpoint}/api/v1/secrets`]);
    expect(stranger.stdout, 'API server').toMatch(/"code": 40[13]/);
    const etcd = ['exec', node, '--', 'curl', '-sk', 'https://127.0.0.1:2379/v2/keys'];
    expect((await scenario.knest(etcd)).exitCode, 'etcd').toBe(56);
    const outside = await run(['curl', '-sk', '--max-time', '5', `https://${address}:2379/health`]);
    expect(outside.exitCode, 'etcd from outside').not.toBe(0);
  });

  it('deletes it: the host, and the kubeconfig, are as before', async () => {
    const { exitCode, stderr } = await scenario.knest(['delete', 'cluster', '--name', name]);
    expect(stderr).toContain(`Cluster "${name}" is deleted.`);
    expect(stderr).not.toContain('stays in');
    expect(exitCode).toBe(0);
    await scenario.expectCleanHost();
    const text = await readFile(scenario.kubeconfig, 'utf8');
    expect(parse(text)).toEqual({ ...(parse(foreign) as object), 'current-context': '' });
    expect(text).toContain('# the real one');
  });

  it('deletes nothing the second time, which is no error', async () => {
    const { exitCode, stderr } = await scenario.knest(['delete', 'cluster', '--name', name]);
    expect(stderr).toContain(`There is no cluster "${name}"`);
    expect(exitCode).toBe(0);
  });

  async function theNode(): Promise<NodeSummary> {
    const [found] = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    if (!found) throw new Error('no node');
    return found;
  }
});

/** The kubectl that belongs to the cluster: the host need not have one. */
async function kubectlOf(state: string): Promise<string> {
  const plan = await readFile(join(state, 'clusters', name, 'plan.json'), 'utf8');
  const { layers } = JSON.parse(plan) as { layers: { kind: string; id: string }[] };
  const id = layers.find(({ kind }) => kind === 'kubernetes')?.id ?? '';
  return join(process.env['KNEST_CACHE_DIR'] ?? '/var/cache/knest', 'layers', id, 'usr/local/bin/kubectl');
}

async function filesBelow(folder: string, from = folder): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(from, join(entry.parentPath, entry.name)))
    .sort();
}

/** Of a link, where it leads. */
async function contentOf(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  return target === undefined ? readFile(path, 'utf8').catch(() => 'not there') : `-> ${target}`;
}
