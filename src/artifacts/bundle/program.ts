import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';

import { KnestError } from '../../errors.ts';
import type { Host } from '../../host/types.ts';
import { lddCommand, parseLdd } from '../../tools/ldd.ts';
import { nodeProgram, programFile, programFiles } from '../../workstation/program-files.ts';
import type { ProgramFile } from '../../workstation/program-files.ts';

/**
 * knest and the Node.js that runs it, as a compressed tar archive of a folder `knest`. With Node.js come the libraries that
 * it uses here, and what loads them: it then needs nothing of another machine but its kernel, neither a Debian of the same
 * age nor any.
 */
export async function packProgram(local: Host): Promise<Readable> {
  const node = nodeProgram();
  const needed = await librariesOf(node, local);
  const files = [
    ...(await programFiles()),
    await programFile(node, 'bin/node'),
    ...(await Promise.all(
      [needed.loader, ...needed.libraries].map((path) => programFile(path, `lib/${basename(path)}`)),
    )),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const archive = pack();
  const compressed = createGzip();
  // what goes wrong is told to whoever reads
  void Promise.all([
    fill(archive, files, starter(basename(needed.loader)), local),
    pipeline(archive, compressed),
  ]).catch((error: unknown) => {
    compressed.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return compressed;
}

/** @throws KnestError */
async function librariesOf(program: string, local: Host): Promise<NonNullable<ReturnType<typeof parseLdd>>> {
  const { stdout } = await local.run(lddCommand(program));
  const found = parseLdd(stdout);
  if (found) return { ...found, libraries: [...new Set(found.libraries)] };
  throw new KnestError(`ldd does not tell what ${program} needs to run`, {
    code: 'INSTALLATION_INCOMPLETE',
    details: stdout.split('\n').slice(0, 5),
    hint: 'run knest by a Node.js of Debian or of nodejs.org',
  });
}

/** The command `knest/knest`. */
function starter(loader: string): string {
  return [
    '#!/bin/sh',
    '# knest, run by the Node.js and the libraries that came with it',
    'here=$(dirname -- "$(readlink -f -- "$0")")',
    `exec "$here/lib/${loader}" --library-path "$here/lib" "$here/bin/node" "$here/dist/bundle/cli/main.js" "$@"`,
    '',
  ].join('\n');
}

async function fill(
  archive: Pack,
  files: readonly ProgramFile[],
  command: string,
  local: Host,
): Promise<void> {
  const common = { mtime: new Date(0), uid: 0, gid: 0 };
  archive.entry({ name: 'knest/knest', mode: 0o755, ...common }, command);
  for (const { path, name, mode, size } of files) {
    const entry = archive.entry({ name: `knest/${name}`, mode, size, ...common });
    await pipeline(local.readStream(path), entry);
  }
  archive.finalize();
}
