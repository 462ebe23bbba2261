/** The throw-away machine in which Debian's Kubernetes is compiled. */

import { setTimeout as sleep } from 'node:timers/promises';

import { CommandError, KnestError, tail } from '../../errors.ts';
import type { ResolvedSource } from '../../plan/types.ts';
import { renderAptSources } from '../../tools/apt-sources.ts';
import { nspawnRunCommand } from '../../tools/nspawn-run.ts';
import { bootstrap, writeSources } from '../bootstrap.ts';
import type { BuildContext } from '../types.ts';

/** What the builder machine has beyond Debian's minimal system. reflect2: see build.sh. */
export const builderPackages = [
  'golang-go',
  'dpkg-dev',
  'golang-github-modern-go-reflect2-dev',
  'ca-certificates',
];

/** A minimal system with Debian's Go. Made aside and renamed, so that a machine that exists is complete. */
export async function makeBuilder(
  source: ResolvedSource & { kind: 'debian' },
  machine: string,
  workspace: string,
  context: BuildContext,
): Promise<void> {
  const { host, progress } = context;
  if (await host.stat(machine)) {
    progress('continuing the build that was interrupted');
    return;
  }
  const target = `${machine}.partial`;
  await host.makeDirectory(workspace, 0o755);
  await host.remove(target);
  try {
    await makeSystem(source, target, context);
  } catch (error) {
    // half a system is of no use to the build that goes on
    await host.remove(target);
    throw error;
  }
  await host.rename(target, machine);
}

async function makeSystem(
  { suite, mirror, proxy }: ResolvedSource & { kind: 'debian' },
  target: string,
  context: BuildContext,
): Promise<void> {
  const { host, progress } = context;
  const used = await bootstrap(
    { suite, mirror, securityMirror: undefined, proxy, packages: builderPackages, target },
    {
      ...context,
      progress: (message) => {
        progress(`builder machine: ${message}`);
      },
    },
  );
  await writeSources(context, target, renderAptSources(used, ['deb', 'deb-src']));
  if (proxy !== undefined) {
    await host.writeFile(`${target}/etc/apt/apt.conf.d/60knest`, `Acquire::http::Proxy "${proxy}";\n`, 0o644);
  }
}

/**
 * Runs a step of a recipe in the builder machine.
 * @param root of the machine
 * @param script path of the recipe in it
 * @throws KnestError with the end of what the step said
 */
export async function inBuilder(
  root: string,
  script: string,
  step: readonly string[],
  context: BuildContext,
  onLine?: (line: string) => void,
): Promise<void> {
  const { host, facts, signal } = context;
  // not named after the workspace: the machine of a knest killed a moment ago may still be going down
  const name = `knest-builder-${process.pid}`;
  const argv = ['sh', script, ...step];
  const command = nspawnRunCommand(
    { root, name, argv, env: facts.proxyEnvironment },
    facts.pid1 === 'systemd',
  );
  const options = {
    ...(onLine === undefined ? {} : { onLine }),
    ...(signal === undefined ? {} : { signal }),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await host.run(command, options);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof CommandError)) throw error;
      // by nspawn's lock on the tree, see above
      if (!/is currently busy/.test(error.stderr) || attempt >= 20) throw explainBuild(step[0] ?? '', error);
      await sleep(500, undefined, { signal });
    }
  }
}

function explainBuild(step: string, error: CommandError): KnestError {
  const noSpace = /no space left on device/i.test(error.stderr);
  const killed = /signal: killed|cannot allocate memory/i.test(error.stderr);
  const hint = noSpace
    ? 'free some space or move the cache: KNEST_CACHE_DIR=DIR'
    : killed
      ? 'compiling Kubernetes takes 3 GB of memory'
      : /unable to find a source|failed to fetch|could not resolve|deb-src/i.test(error.stderr)
        ? 'the mirror must hold source packages too (deb-src); name another one: --mirror URL'
        : undefined;
  return new KnestError(`compiling Kubernetes from Debian's source failed at "${step}"`, {
    code: 'BUILD_FAILED',
    details: tail(error.stderr, 15),
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
