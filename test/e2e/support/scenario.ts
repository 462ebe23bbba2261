/** The frame of every scenario: folders of its own, a clean host before and after, and a patient kept on request. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';

import type { BuiltImage } from '../../../src/api/commands.ts';
import { knest, mainFile, succeeded } from './cli.ts';
import type { Outcome, RunOptions } from './cli.ts';
import { expectSameHost, hostSnapshot } from './host-snapshot.ts';
import type { HostSnapshot } from './host-snapshot.ts';

export interface Scenario {
  /** A folder for whatever a test needs; gone afterwards. */
  readonly folder: string;
  /** KNEST_STATE_DIR: not there until the first cluster. */
  readonly state: string;
  readonly kubeconfig: string;
  /** Where the cache holds what machines stand on. */
  readonly layers: { rootfs: string; kubernetes: string };
  /** knest with the scenario's folders. */
  knest: (args: readonly string[], options?: RunOptions) => Promise<Outcome>;
  /** The same; fails unless it exits 0. Gives stdout. */
  ok: (args: readonly string[], options?: RunOptions) => Promise<string>;
  /** `knest kubectl` on a cluster; fails unless it exits 0. Gives stdout. */
  kubectl: (cluster: string, args: readonly string[], options?: RunOptions) => Promise<string>;
  /** Fails unless the host is as it was when the scenario began. */
  expectCleanHost: () => Promise<void>;
}

export interface ScenarioOptions {
  /** The tests are a story: after one that failed the rest is skipped. */
  story: boolean;
  /** Debian suite whose image must be there before. */
  suite?: string;
}

/** A `describe` whose tests run real clusters. What is left of them is deleted, whatever happens. */
export function describeScenario(
  title: string,
  { story, suite }: ScenarioOptions,
  body: (scenario: Scenario) => void,
): void {
  const missing = missingHere();
  if (missing !== undefined) console.warn(`SKIPPED: "${title}" ${missing}`);
  describe.skipIf(missing !== undefined)(title, () => {
    const scenario = new Proxy({} as Scenario, {
      get: (_, key) => Reflect.get(requireOpened(opened), key) as unknown,
    });
    let opened: Scenario | undefined;
    let failed = false;
    beforeAll(async () => {
      opened = await openScenario(await buildImage(suite));
    }, 60 * 60_000);
    beforeEach((context) => {
      if (story && failed) context.skip('an earlier part of the story failed');
    });
    afterEach(({ task }) => {
      failed ||= task.result?.state === 'fail';
    });
    afterAll(async () => {
      if (!opened) return;
      if (failed && process.env['KNEST_KEEP'] === 'failure') console.warn(howToReach(opened));
      else await closeScenario(opened, failed);
    });
    body(scenario);
  });
}

function missingHere(): string | undefined {
  if (process.getuid?.() !== 0) return 'makes real clusters and needs root: run the tests with sudo';
  if (!existsSync(mainFile)) return `runs the built program, and there is no ${mainFile}: npm run build`;
  return undefined;
}

/** Takes a quarter of a second when it is there, and ten minutes or more the first time. */
async function buildImage(suite = 'trixie'): Promise<Scenario['layers']> {
  const args = ['build', 'image', '--suite', suite, '--yes', '-o', 'json'];
  const outcome = await knest(args, { timeout: 60 * 60_000 });
  const { layers } = JSON.parse(succeeded(['knest', ...args], outcome).stdout) as BuiltImage;
  const pathOf = (wanted: string) => layers.find(({ kind }) => kind === wanted)?.path ?? '';
  return { rootfs: pathOf('rootfs'), kubernetes: pathOf('kubernetes') };
}

async function openScenario(layers: Scenario['layers']): Promise<Scenario> {
  // not /tmp, which may be a tmpfs: containers' file systems are to be like those of a user
  const folder = await mkdtemp('/var/tmp/knest-e2e-');
  const state = `${folder}/state`;
  const kubeconfig = `${folder}/kubeconfig`;
  const env = { KNEST_STATE_DIR: state, KUBECONFIG: kubeconfig, HOME: folder };
  const ours: Scenario['knest'] = (args, options = {}) =>
    knest(args, { ...options, env: { ...env, ...options.env } });
  const ok: Scenario['ok'] = async (args, options) =>
    succeeded(['knest', ...args], await ours(args, options)).stdout;
  const before: HostSnapshot = await hostSnapshot([state]);
  return {
    ...{ folder, state, kubeconfig, layers },
    knest: ours,
    ok,
    kubectl: (cluster, args, options) => ok(['kubectl', '--name', cluster, '--', ...args], options),
    expectCleanHost: () => expectSameHost(before, [state]),
  };
}

async function closeScenario(scenario: Scenario, failed: boolean): Promise<void> {
  const { folder } = scenario;
  const { exitCode, stderr } = await scenario.knest(['delete', 'clusters', '--all']);
  if (exitCode !== 0) throw new Error(`clusters are left, see ${folder}/state:\n${stderr}`);
  try {
    // after a failure that failure counts, and not what it left
    if (!failed) await scenario.expectCleanHost();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function howToReach({ folder, state, kubeconfig }: Scenario): string {
  const prefix = `KNEST_STATE_DIR=${state} KUBECONFIG=${kubeconfig} "${process.execPath}" "${mainFile}"`;
  return [
    'The clusters of the failed test are kept:',
    `  ${prefix} get nodes --all-clusters`,
    `  ${prefix} shell NODE`,
    `  ${prefix} delete clusters --all && rm -r ${folder}`,
  ].join('\n');
}

function requireOpened(scenario: Scenario | undefined): Scenario {
  if (scenario) return scenario;
  throw new Error('the scenario is open only while its tests run');
}
