/**
 * Kubernetes' own test suite, compiled once per machine from the same source package as the cluster's Kubernetes. Nothing
 * is downloaded but Debian packages.
 */

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { inBuilder, makeBuilder } from '../../../../src/artifacts/sources/debian-builder.ts';
import { findDebianSource, readRecipe } from '../../../../src/artifacts/sources/debian.ts';
import { thisWorkstation } from '../../../../src/workstation/workstation.ts';
import type { BuildContext } from '../../../../src/artifacts/types.ts';
import { localHost } from '../../../../src/host/local.ts';
import { gatherFacts } from '../../../../src/observe/host/gather.ts';
import { pathsFromEnvironment } from '../../../../src/workstation/paths.ts';

/** Version of the suite, which is that of the clusters that it tests. */
export const suiteVersion = 'v1.20.2';

/** Not /tmp, which may be a tmpfs. */
const cache = '/var/tmp/knest-e2e-conformance';

const programs = ['e2e.test', 'ginkgo', 'agnhost'] as const;

export interface Suite {
  /** Paths. */
  e2eTest: string;
  ginkgo: string;
  /** What goes into the image of that name. */
  agnhost: string;
}

/** Made by the first caller on this machine, in some minutes. */
export async function conformanceSuite(): Promise<Suite> {
  const script = await readFile(new URL('build.sh', import.meta.url), 'utf8');
  const id = createHash('sha256')
    .update(suiteVersion + script)
    .digest('hex');
  const folder = join(cache, `${suiteVersion}-${id.slice(0, 12)}`);
  if (!(await stat(folder).catch(() => undefined))) await build(folder, script);
  return {
    e2eTest: join(folder, 'e2e.test'),
    ginkgo: join(folder, 'ginkgo'),
    agnhost: join(folder, 'agnhost'),
  };
}

async function build(folder: string, script: string): Promise<void> {
  const workspace = join(cache, 'work');
  const machine = join(workspace, 'machine');
  const context = await buildContext();
  const { facts, host } = context;
  const found = findDebianSource(suiteVersion);
  if (!found) throw new Error(`Debian has no Kubernetes ${suiteVersion}`);
  const { mirror, proxy } = facts.apt ?? {};
  const source = { kind: 'debian', suite: found.suite, mirror, proxy } as const;
  console.warn(`Kubernetes' own tests ${suiteVersion} are compiled: some minutes, once on this machine`);
  // a machine that an interrupted run has left is continued
  await makeBuilder(source, machine, workspace, context);
  const recipes = { 'build.sh': await readRecipe('build.sh', thisWorkstation()), 'suite.sh': script };
  for (const [name, text] of Object.entries(recipes)) {
    await host.writeFile(`${machine}/build/assets/${name}`, text, 0o755);
  }
  await inBuilder(machine, '/build/assets/build.sh', ['fetch'], context);
  await inBuilder(machine, '/build/assets/suite.sh', [suiteVersion], context);

  const partial = join(workspace, 'result');
  await mkdir(partial, { recursive: true });
  for (const name of programs) await copyFile(join(machine, 'build/out', name), join(partial, name));
  await rename(partial, folder);
  await rm(workspace, { recursive: true });
}

async function buildContext(): Promise<BuildContext> {
  const host = localHost();
  const paths = pathsFromEnvironment(process.env);
  const facts = await gatherFacts(host, paths, process.env, { apt: true });
  return { host, user: thisWorkstation(), paths, facts, progress: () => undefined };
}
