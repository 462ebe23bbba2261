import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { CommandError, KnestError, tail } from '../../errors.ts';
import type { Host } from '../../host/types.ts';
import type { ResolvedSource } from '../../plan/types.ts';
import { debianSources } from '../../plan/versions/source-versions.ts';
import type { DebianSource } from '../../plan/versions/source-versions.ts';
import { renderAptSources } from '../../tools/apt-sources.ts';
import { nspawnRunCommand } from '../../tools/nspawn-run.ts';
import { bootstrap, writeSources } from '../bootstrap.ts';
import type { BuildContext, BuildFolders } from '../types.ts';
import { binariesFolder, kubernetesBinaries, parseKubeletVersion } from './binaries.ts';

type DebianBuild = { version: string; source: ResolvedSource & { kind: 'debian' } };

/** What the builder machine has beyond Debian's minimal system. reflect2: see build.sh. */
const builderPackages = ['golang-go', 'dpkg-dev', 'golang-github-modern-go-reflect2-dev', 'ca-certificates'];

/** The recipe, which runs in the builder machine. */
const recipeFiles = ['build.sh', 'main.go'] as const;

/** What Debian's source package can give; undefined: the newest of it. */
export function findDebianSource(version: string | undefined): DebianSource | undefined {
  return version === undefined
    ? debianSources[0]
    : debianSources.find((source) => source.version === version);
}

/** Id of the layer that this recipe makes of a Debian source. */
export async function debianLayerId(
  { suite, version }: DebianSource,
  arch: string,
  host: Host,
): Promise<string> {
  const recipe = await Promise.all(recipeFiles.map((file) => readRecipe(file, host)));
  const key = JSON.stringify({ suite, version, builderPackages, recipe });
  return `kubernetes-${version}-debian-${arch}-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
}

/**
 * Compiles Debian's source package in a throw-away machine into one executable of all components. What was done of it
 * when knest was killed is not done again: the machine, the sources and Go's cache stay in the workspace.
 * @throws KnestError when compiling fails or the result is not the version wanted
 */
export async function buildFromDebian(
  { version, source }: DebianBuild,
  { target, workspace }: BuildFolders,
  context: BuildContext,
): Promise<void> {
  const { host, progress } = context;
  const machine = `${workspace}/machine`;
  await makeBuilder(source, machine, workspace, context);
  for (const file of recipeFiles) {
    await host.writeFile(`${machine}/build/assets/${file}`, await readRecipe(file, host), 0o755);
  }
  progress('fetching the source package');
  await inBuilder(machine, ['fetch'], context);
  progress('generating the OpenAPI definitions');
  await inBuilder(machine, ['generate'], context);
  progress('compiling');
  await inBuilder(machine, ['compile', version], context, compileProgress(progress));

  const folder = target + binariesFolder;
  await host.makeDirectory(folder, 0o755);
  await host.rename(`${machine}/build/out/kubernetes`, `${folder}/kubernetes`);
  for (const name of kubernetesBinaries) await host.link('kubernetes', `${folder}/${name}`);
  const { stdout } = await host.run([`${folder}/kubelet`, '--version'], { timeout: 30_000 });
  if (parseKubeletVersion(stdout) !== version) {
    throw new KnestError(
      `the kubelet compiled from Debian's source says "${stdout.trim()}" and not ${version}`,
      {
        hint: 'this is a fault in knest: please report it',
      },
    );
  }
}

/** A minimal system with Debian's Go. Made aside and renamed, so that a machine that exists is complete. */
async function makeBuilder(
  source: DebianBuild['source'],
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
  const { suite, mirror, proxy } = source;
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
  await host.rename(target, machine);
}

async function inBuilder(
  root: string,
  step: readonly string[],
  context: BuildContext,
  onLine?: (line: string) => void,
): Promise<void> {
  const { host, facts, signal } = context;
  // not named after the workspace: the machine of a knest killed a moment ago may still be going down
  const name = `knest-builder-${process.pid}`;
  const argv = ['sh', '/build/assets/build.sh', ...step];
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
    details: tail(error.stderr, 15),
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

/** Counts the packages that `go build -v` names; build.sh tells their number first. */
export function compileProgress(progress: (message: string) => void): (line: string) => void {
  let total: number | undefined;
  let compiled = 0;
  return (line) => {
    const announced = /^knest:packages (\d+)$/.exec(line.trim())?.[1];
    if (announced !== undefined) total = Number(announced);
    else if (total !== undefined && /^[\w./~-]+$/.test(line.trim())) {
      compiled += 1;
      progress(`compiled ${compiled} of ${total} packages`);
    }
  };
}

async function readRecipe(file: (typeof recipeFiles)[number], host: Host): Promise<string> {
  const path = fileURLToPath(new URL(`../../../assets/debian-source/${file}`, import.meta.url));
  const text = await host.readFile(path);
  if (text === undefined) throw new Error(`knest is installed without its file ${path}`);
  return text;
}
