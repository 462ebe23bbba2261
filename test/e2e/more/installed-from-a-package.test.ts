/** knest as packages bring it: of npm into a folder of one's own, and of Debian. */

import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { makeDeb } from '../../../scripts/deb.ts';
import { must, run } from '../support/cli.ts';
import { describeScenario } from '../support/scenario.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const name = 'e2e-package';

describeScenario('installed from a package', { story: false }, (scenario) => {
  /** Creates a cluster with the program there, and deletes it. */
  const makesACluster = async (program: string) => {
    const env = { KNEST_STATE_DIR: scenario.state, KUBECONFIG: scenario.kubeconfig };
    const knest = async (...args: string[]) => {
      const outcome = await run([program, ...args], { env, cwd: '/' });
      expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
      return outcome.stdout;
    };
    expect(await knest('version')).toMatch(/^knest \d+\.\d+\.\d+ /);
    await knest('create', 'cluster', '--name', name);
    expect((await knest('kubectl', '--name', name, '--', 'get', 'nodes', '-o', 'name')).trim()).toBe(
      `node/${name}-control-plane`,
    );
    await knest('delete', 'cluster', '--name', name);
    await scenario.expectCleanHost();
  };

  it('npm: packed, installed into an empty folder, makes a cluster; its manual is there', async () => {
    const packed = await must(
      ['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', scenario.folder],
      { cwd: root },
    );
    const prefix = join(scenario.folder, 'npm');
    const install = ['npm', 'install', '--global', '--ignore-scripts', '--no-audit', '--prefix', prefix];
    await must([...install, join(scenario.folder, packed.trim())], { cwd: scenario.folder });
    await makesACluster(join(prefix, 'bin/knest'));
    const page = await readFile(join(prefix, 'share/man/man1/knest.1'), 'utf8');
    expect(page).toContain('.SS "knest create cluster');
  });

  it('Debian: made and unpacked, makes a cluster; manual and completions are where they are looked for', async () => {
    const deb = await makeDeb(scenario.folder);
    const tree = join(scenario.folder, 'deb');
    await must(['dpkg-deb', '--extract', deb, tree]);
    expect(await readlink(join(tree, 'usr/bin/knest'))).toBe('../lib/knest/dist/bundle/cli/main.js');
    await makesACluster(join(tree, 'usr/bin/knest'));
    expect(await must(['zcat', join(tree, 'usr/share/man/man1/knest.1.gz')])).toContain('.TH KNEST 1');
    const bash = join(tree, 'usr/share/bash-completion/completions/knest');
    expect(await must(['bash', '-n', bash])).toBe('');
    expect(await readFile(bash, 'utf8')).toContain('complete ');
    expect(await readFile(join(tree, 'usr/share/zsh/vendor-completions/_knest'), 'utf8')).toContain(
      '#compdef knest',
    );
    expect(await readFile(join(tree, 'usr/share/fish/vendor_completions.d/knest.fish'), 'utf8')).toContain(
      'complete ',
    );
  });
});
