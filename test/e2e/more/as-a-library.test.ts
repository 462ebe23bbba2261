/** knest as its users import it: the examples of the documentation, clusters that fail, and tests with Vitest. */

import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import { createCluster, getCluster, isKnestError, listClusters, randomName } from '../../../src/api/index.ts';
import type { Cluster, StepEvent } from '../../../src/api/index.ts';
import { examples } from '../../docs/examples.ts';
import { eventually } from '../support/eventually.ts';
import { run, succeeded } from '../support/cli.ts';
import type { Outcome } from '../support/cli.ts';
import { busyboxPieces, writeDockerArchive } from '../support/image.ts';
import { describeScenario } from '../support/scenario.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const tsx = `${repository}node_modules/tsx/dist/loader.mjs`;
const vitest = `${repository}node_modules/vitest/vitest.mjs`;

describeScenario('as a library', { story: false }, (scenario) => {
  const paths = () => ({
    state: scenario.state,
    cache: process.env['KNEST_CACHE_DIR'] ?? '/var/cache/knest',
  });
  /** A project that has knest and Vitest as its dependencies. */
  const project = () => `${scenario.folder}/project`;
  const inProject = (argv: readonly string[], env: Record<string, string> = {}): Promise<Outcome> =>
    run([process.execPath, ...argv], {
      cwd: project(),
      env: {
        KNEST_STATE_DIR: scenario.state,
        KUBECONFIG: scenario.kubeconfig,
        HOME: scenario.folder,
        KNEST_KEEP: '',
        ...env,
      },
    });
  const nothingIsLeft = async () => {
    expect(await listClusters({ paths: paths() })).toEqual([]);
    expect(existsSync(scenario.kubeconfig)).toBe(false);
    await scenario.expectCleanHost();
  };

  beforeAll(async () => {
    await mkdir(`${project()}/node_modules`, { recursive: true });
    await symlink(repository, `${project()}/node_modules/knest`);
    await symlink(`${repository}node_modules/vitest`, `${project()}/node_modules/vitest`);
    await writeFile(`${project()}/package.json`, JSON.stringify({ type: 'module' }));
    await writeDockerArchive(
      `${project()}/shop.tar`,
      'shop.example.test/shop:1',
      await busyboxPieces('shop'),
    );
  });

  const programs = examples().filter(({ kind }) => kind === 'program');
  it.each(programs)('the example $name runs, and leaves nothing', async ({ name, code }) => {
    await writeFile(`${project()}/${name}.mts`, code);
    succeeded([name], await inProject(['--import', tsx, `${name}.mts`]));
    await nothingIsLeft();
  });

  describe('a cluster', () => {
    let cluster: Cluster;

    it('is made without the kubeconfig of the user, or with another file', async () => {
      const kubeconfig = `${scenario.folder}/asked-for`;
      cluster = await createCluster({ name: randomName('lib'), paths: paths(), kubeconfig });
      expect(existsSync(scenario.kubeconfig)).toBe(false);
      expect(await cluster.kubeconfigText()).toContain(cluster.context);
      const { stdout } = await cluster.kubectl([
        'config',
        'view',
        '-o',
        'jsonpath={.clusters[*].cluster.server}',
      ]);
      expect(stdout).toBe(cluster.endpoint);
      const asked = await cluster.kubectl([
        'config',
        'get-contexts',
        '-o',
        'name',
        '--kubeconfig',
        kubeconfig,
      ]);
      expect(asked.stdout).toBe(cluster.context);
    });

    it('runs programs: input, environment, lines, exit codes', async () => {
      const lines: string[] = [];
      const script = 'cat; echo "$A"; echo bad >&2; exit 3';
      const options = {
        input: 'größer\n',
        env: { A: 'b  c' },
        onLine: (line: string, stream: string) => lines.push(`${stream} ${line}`),
      };
      const argv = ['sh', '-c', script];
      const result = await cluster.exec('control-plane', argv, { ...options, reject: false });
      expect(result).toMatchObject({ exitCode: 3, stdout: 'größer\nb  c', stderr: 'bad', timedOut: false });
      expect(lines.sort()).toEqual(['stderr bad', 'stdout b  c', 'stdout größer']);
      const failure: unknown = await cluster.exec('control-plane', argv, options).catch((e: unknown) => e);
      expect(failure).toMatchObject({
        name: 'ExecError',
        argv,
        exitCode: 3,
        stdout: result.stdout,
        stderr: 'bad',
      });
      await expect(cluster.exec('nobody', ['true'])).rejects.toMatchObject({ kind: 'notFound' });
    });

    it('ends programs when their time is over, or when told to', async () => {
      const sleep = ['sleep', '4321'];
      const late = await cluster.exec('control-plane', sleep, { timeout: 500, reject: false });
      expect(late).toMatchObject({ exitCode: 143, timedOut: true });
      await expect(cluster.exec('control-plane', sleep, { timeout: 500 })).rejects.toThrow('was ended after');
      const enough = new Error('enough');
      const controller = new AbortController();
      const aborted = cluster.exec('control-plane', sleep, { signal: controller.signal });
      setTimeout(() => {
        controller.abort(enough);
      }, 500);
      await expect(aborted).rejects.toBe(enough);
      const left = async () => {
        const { stdout } = await cluster.exec('control-plane', ['pgrep', '-af', 'sleep 4321'], {
          reject: false,
        });
        expect(stdout).toBe('');
      };
      await eventually('nothing runs any more', left, 5_000);
    });

    it('is found by its name, and deleted once and again', async () => {
      const found = await getCluster(cluster.name, { paths: paths() });
      expect(found.endpoint).toBe(cluster.endpoint);
      expect((await found.status()).state).toBe('running');
      await Promise.all([cluster.delete()]);
      await cluster.delete();
      await found[Symbol.asyncDispose]();
      await nothingIsLeft();
    });
  });

  it('a cluster that does not become Ready throws, and leaves nothing', async () => {
    const config = { components: { kubelet: { extraArgs: { 'no-such-flag': 'x' } } } };
    const failure: unknown = await createCluster({ config, paths: paths(), wait: 8_000 }).catch(
      (e: unknown) => e,
    );
    expect(isKnestError(failure, 'notReady'), String(failure)).toBe(true);
    await nothingIsLeft();
  });

  it('a cluster whose making is aborted throws the reason, and leaves nothing', async () => {
    const enough = new Error('enough');
    const controller = new AbortController();
    const events: StepEvent[] = [];
    const listener = (event: StepEvent) => {
      events.push(event);
      if (event.type === 'started' && event.id === 'ready') controller.abort(enough);
    };
    const work = createCluster({ paths: paths(), signal: controller.signal, listener });
    await expect(work).rejects.toBe(enough);
    expect(events.some(({ type }) => type === 'failed')).toBe(true);
    await nothingIsLeft();
  });

  describe('with Vitest', () => {
    const test = examples().find(({ kind }) => kind === 'test')?.code ?? '';
    const runTests = (file: string, env?: Record<string, string>) =>
      inProject([vitest, 'run', '--root', '.', file], env);
    const created = async () =>
      (await listClusters({ paths: paths() })).map((one) => `${one.name} ${one.created}`);

    it('the example passes, and finds its cluster again', async () => {
      await writeFile(`${project()}/example.test.ts`, test);
      succeeded(['vitest'], await runTests('example.test.ts'));
      const before = await created();
      expect(before).toHaveLength(1);
      const [name = ''] = before[0]?.split(' ') ?? [];
      await (await getCluster(name, { paths: paths() })).stop();
      succeeded(['vitest'], await runTests('example.test.ts'));
      expect(await created()).toEqual(before);
      await (await getCluster(name, { paths: paths() })).deleteNodes('worker');
      succeeded(['vitest'], await runTests('example.test.ts'));
      expect(await created()).not.toEqual(before);
      await (await getCluster(name, { paths: paths() })).delete();
    });

    it('a test that fails comes with the logs, and its cluster goes or is kept', async () => {
      const fails = [
        "import { useCluster } from 'knest/vitest';",
        "import { expect, it } from 'vitest';",
        'const cluster = useCluster();',
        "it('fails', async () => {",
        "  await cluster.exec('control-plane', ['sh', '-c', 'echo the flux capacitor is empty | systemd-cat']);",
        '  expect(1).toBe(2);',
        '});',
      ];
      await writeFile(`${project()}/fails.test.ts`, fails.join('\n'));
      const { exitCode, stdout, stderr } = await runTests('fails.test.ts');
      expect(exitCode).toBe(1);
      expect(stdout).toContain('1 failed');
      expect(stderr).toMatch(/--- journal of test-\w+-control-plane\n[^]*the flux capacitor is empty/);
      expect(stderr).toContain('--- events');
      await nothingIsLeft();
      const kept = await runTests('fails.test.ts', { KNEST_KEEP: 'failure' });
      const [one] = await listClusters({ paths: paths() });
      expect(kept.stderr).toContain(`cluster "${one?.name}" is kept`);
      await (await getCluster(one?.name ?? '', { paths: paths() })).delete();
      await nothingIsLeft();
    });
  });
});
