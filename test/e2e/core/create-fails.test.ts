/** A cluster that can not become Ready, and a user who changes their mind: what is said, and what is left. */

import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, expect, it } from 'vitest';

import type { ClusterSummary } from '../../../src/operations/types.ts';
import { kubernetesBinaries } from '../../../src/artifacts/sources/binaries.ts';
import { exitCodes } from '../../../src/errors.ts';
import { privateCache } from '../support/private-cache.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-fails';
const node = `${name}-control-plane`;

/** Says its version and nothing sensible otherwise. */
const broken = `#!/bin/sh
case "$1" in --version) echo Kubernetes v1.20.2; exit 0 ;; esac
echo "the flux capacitor is empty" >&2
exit 1
`;

describeScenario('create fails', { story: false }, (scenario) => {
  let args: string[];
  let env: Record<string, string>;

  beforeAll(async () => {
    env = await privateCache(scenario);
    const folder = join(scenario.folder, 'binaries');
    await mkdir(folder);
    for (const binary of kubernetesBinaries.filter((each) => each !== 'kube-apiserver')) {
      await symlink(join(scenario.layers.kubernetes, 'usr/local/bin', binary), join(folder, binary));
    }
    await writeFile(join(folder, 'kube-apiserver'), broken);
    await chmod(join(folder, 'kube-apiserver'), 0o755);
    args = ['create', 'cluster', '--name', name, '--source', folder, '--wait', '8s'];
  });

  it('names the unit with the end of its journal, and takes everything away', async () => {
    const { exitCode, stdout, stderr } = await scenario.knest(args, { env });
    // why comes first
    expect(stderr).toContain(
      `node ${node} on localhost is not Ready after 8 s: kube-apiserver says: the flux capacitor is empty`,
    );
    expect(stderr).toMatch(/kube-apiserver\.service is .*restarted \d+ times/);
    expect(stderr).toContain('--retain');
    expect(stdout).toBe('');
    expect(exitCode).toBe(exitCodes.notReady);
    await scenario.expectCleanHost();
    expect(await scenario.ok(['get', 'clusters', '-o', 'name'])).toBe('');
  });

  it('keeps it with --retain, for a look inside', async () => {
    const { exitCode } = await scenario.knest([...args, '--retain'], { env });
    expect(exitCode).toBe(exitCodes.notReady);
    const clusters = JSON.parse(await scenario.ok(['get', 'clusters', '-o', 'json'])) as ClusterSummary[];
    expect(clusters).toMatchObject([{ name, state: 'incomplete' }]);
    const journal = await scenario.ok(['logs', node, '-u', 'kube-apiserver', '-n', '20']);
    expect(journal).toContain('the flux capacitor is empty');
    const status = await scenario.knest(['status', 'cluster', '--name', name]);
    expect(status.stdout).toMatch(/✗ API server/);
    expect(status.exitCode).toBe(exitCodes.notReady);
    // somebody broke it meanwhile
    const kubeconfig = join(scenario.folder, 'broken-kubeconfig');
    await writeFile(kubeconfig, 'clusters: [');
    const deleted = await scenario.knest(['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig]);
    expect(deleted.stderr).toContain(`context knest-${name} stays in ${kubeconfig}`);
    expect(deleted.exitCode).toBe(0);
    await scenario.expectCleanHost();
  });

  it.each([
    { signal: 'SIGINT', code: 130, at: /^Node Ready \.\.\./ },
    { signal: 'SIGTERM', code: 143, at: /^Machine .* \.\.\./ },
  ] as const)('takes everything away after $signal', async ({ signal, code, at }) => {
    const { exitCode, stderr } = await scenario.knest(['create', 'cluster', '--name', name], {
      onLine: (line, kill) => {
        if (at.test(line)) kill(signal);
      },
    });
    expect(stderr).toContain('Interrupted');
    expect(exitCode).toBe(code);
    await scenario.expectCleanHost();
  });

  it('leaves everything after a second SIGINT, and delete removes it', async () => {
    const { exitCode } = await scenario.knest(['create', 'cluster', '--name', name], {
      onLine: (line, kill) => {
        if (/^Node Ready \.\.\.|^Warning: Interrupted/.test(line)) kill('SIGINT');
      },
    });
    expect(exitCode).toBe(130);
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  it('refuses a second knest on the same cluster', async () => {
    let second: ReturnType<typeof scenario.knest> | undefined;
    const first = await scenario.knest(['create', 'cluster', '--name', name], {
      onLine: (line) => {
        if (/^Node Ready \.\.\./.test(line)) second = scenario.knest(['delete', 'cluster', '--name', name]);
      },
    });
    expect(first.exitCode).toBe(0);
    const refused = await second;
    expect(refused?.stderr).toMatch(/another knest \(pid \d+\) is working on this/);
    expect(refused?.exitCode).toBe(exitCodes.locked);
    await scenario.ok(['delete', 'cluster', '--name', name]);
  });
});
