import { KnestError } from '../errors.ts';
import { finish, pauseImage, pauseImagePath, pauseProgram } from '../plan/image.ts';
import type { RootfsLayer } from '../plan/image.ts';
import { renderAptSources } from '../tools/apt-sources.ts';
import { bootstrap, writeSources } from './bootstrap.ts';
import { bootstrapLocked, noYoungerThan } from './locked-debian.ts';
import { pauseImageArchive } from './pause.ts';
import type { BuildContext, BuildFolders } from './types.ts';

/**
 * Makes the Debian root file system of the machines.
 * @throws what bootstrap throws; KnestError when a program that machines need is missing in the result
 */
export async function buildRootfs(
  layer: RootfsLayer,
  folders: BuildFolders,
  context: BuildContext,
): Promise<void> {
  const { host, progress } = context;
  const { target } = folders;
  const { suite, mirror, securityMirror, proxy, packages, locked } = layer;
  const sources = locked
    ? await bootstrapLocked({ ...layer, locked }, folders, context)
    : await bootstrap({ suite, mirror, securityMirror, proxy, packages, target }, context);
  progress('putting in the settings of machines');
  const programs = await findPrograms(layer, target, context);
  await host.run(['rm', '-rf', '--one-file-system', '--', ...finish.remove.map((path) => target + path)]);
  for (const { path, mode, content } of finish.files) {
    if ('link' in content) await host.link(content.link, target + path);
    else if ('text' in content) await host.writeFile(target + path, content.text, mode);
  }
  await writeSources(context, target, renderAptSources(sources));
  await writePauseImage(programs[pauseProgram] ?? '', target, context);
  if (locked) await host.run(noYoungerThan(locked, target));
  await host.run(['touch', '--date=2100-01-01', '--', ...finish.upToDate.map((path) => target + path)]);
}

/** Where the programs that machines need are in the tree. */
async function findPrograms(
  { suite, requires }: RootfsLayer,
  target: string,
  { host }: BuildContext,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const program of requires) {
    for (const folder of ['/usr/bin', '/usr/sbin', '/usr/lib/cni']) {
      if (await host.stat(`${target}${folder}/${program}`)) found[program] = `${target}${folder}/${program}`;
    }
  }
  const missing = requires.filter((program) => found[program] === undefined);
  if (missing.length === 0) return found;
  throw new KnestError(`the ${suite} system lacks programs that machines need: ${missing.join(', ')}`, {
    code: 'LAYER_UNUSABLE',
    hint: 'use another suite: --suite trixie',
  });
}

async function writePauseImage(
  program: string,
  target: string,
  { host, facts }: BuildContext,
): Promise<void> {
  const content = await host.readBytes(program);
  if (!content)
    throw new KnestError(`${program} is gone from the system that was just made`, {
      code: 'LAYER_UNUSABLE',
      hint: 'run the same command again: the system is made anew',
    });
  const archive = await pauseImageArchive({
    name: pauseImage,
    program: pauseProgram,
    content,
    arch: facts.arch,
  });
  await host.writeFile(target + pauseImagePath, archive, 0o644);
}
