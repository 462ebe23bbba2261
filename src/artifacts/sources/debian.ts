import { createHash } from 'node:crypto';

import { KnestError } from '../../errors.ts';
import type { ResolvedSource } from '../../plan/types.ts';
import { debianSources } from '../../plan/versions/source-versions.ts';
import type { DebianSource } from '../../plan/versions/source-versions.ts';
import { fitsVersion } from '../../spec/kubernetes-version.ts';
import type { BuildContext, BuildFolders, UserSide } from '../types.ts';
import { builderPackages, inBuilder, makeBuilder } from './debian-builder.ts';
import { binariesFolder, kubernetesBinaries, parseKubeletVersion } from './binaries.ts';

type DebianBuild = { version: string; source: ResolvedSource & { kind: 'debian' } };

/** The recipe, which runs in the builder machine. */
const recipeFiles = ['build.sh', 'main.go'] as const;

/** The newest that Debian's source package can give of what is wanted; undefined: of all. */
export function findDebianSource(wanted: string | undefined): DebianSource | undefined {
  return debianSources.find(({ version }) => fitsVersion(version, wanted));
}

function commitOf(version: string): string {
  const found = findDebianSource(version);
  if (!found) throw new Error(`Debian has no Kubernetes ${version}`);
  return found.commit;
}

/** Id of the layer that this recipe makes of a Debian source. */
export async function debianLayerId(
  { suite, version, commit }: DebianSource,
  arch: string,
  user: Pick<UserSide, 'asset'>,
): Promise<string> {
  const recipe = await Promise.all(recipeFiles.map((file) => readRecipe(file, user)));
  const key = JSON.stringify({ suite, version, commit, builderPackages, recipe });
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
  const { host, user, progress } = context;
  const machine = `${workspace}/machine`;
  await makeBuilder(source, machine, workspace, context);
  for (const file of recipeFiles) {
    await host.writeFile(`${machine}/build/assets/${file}`, await readRecipe(file, user), 0o755);
  }
  const recipe = (step: readonly string[], onLine?: (line: string) => void) =>
    inBuilder(machine, '/build/assets/build.sh', step, context, onLine);
  progress('fetching the source package');
  await recipe(['fetch']);
  progress('generating the OpenAPI definitions');
  await recipe(['generate']);
  progress('compiling');
  await recipe(['compile', version, commitOf(version)], compileProgress(progress));

  const folder = target + binariesFolder;
  await host.makeDirectory(folder, 0o755);
  await host.rename(`${machine}/build/out/kubernetes`, `${folder}/kubernetes`);
  for (const name of kubernetesBinaries) await host.link('kubernetes', `${folder}/${name}`);
  const { stdout } = await host.run([`${folder}/kubelet`, '--version'], { timeout: 30_000 });
  if (parseKubeletVersion(stdout) !== version) {
    throw new KnestError(
      `the kubelet compiled from Debian's source says "${stdout.trim()}" and not ${version}`,
      { code: 'BUILD_FAILED', hint: 'this is a fault in knest: please report it' },
    );
  }
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

/** A file of the recipe: one of `build.sh`, `main.go`. */
export function readRecipe(
  file: (typeof recipeFiles)[number],
  { asset }: Pick<UserSide, 'asset'>,
): Promise<string> {
  return asset(`debian-source/${file}`);
}
