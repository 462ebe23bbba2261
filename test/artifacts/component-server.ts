/** A server on loopback with the layout of GitHub's releases, and small archives of scripts. */

import { gzipSync } from 'node:zlib';

import { pack } from 'tar-stream';

import { componentLayouts } from '../../src/artifacts/components/layouts.ts';
import type { ComponentName } from '../../src/spec/types.ts';
import { componentNames } from '../../src/spec/words.ts';
import { fileServer, sumOf } from './release-server.ts';
import type { Answer, ReleaseFixture } from './release-server.ts';

/** What each of them is called in its archive. */
const folders: Readonly<Record<ComponentName, (version: string) => string>> = {
  containerd: () => 'bin/',
  runc: () => '',
  cniPlugins: () => './',
  etcd: (version) => `etcd-v${version}-linux-amd64/`,
};

export interface ComponentFixtureOptions {
  arch?: string;
  /** Of the components that it has. */
  versions?: Partial<Record<ComponentName, string>>;
  /** Of these, the checksum is of another file. */
  wrongChecksum?: readonly ComponentName[];
  /** These have none. */
  withoutChecksum?: readonly ComponentName[];
  /** A name begins with this: all files are somewhere else, where the server leads to. */
  redirect?: boolean;
  /** What the programs are; undefined: the archive has no such one. Without it, scripts that say their version. */
  content?: (component: ComponentName, name: string) => Buffer | undefined;
  /** More entries of the archives, by name: what nobody asked for. */
  more?: Readonly<Record<string, string>>;
}

/** A script: long enough that half of an archive is something to continue. */
export function fakeProgram(name: string, version: string): Buffer {
  // not compressible
  const padding = Array.from({ length: 400 }, (_, index) => sumOf(Buffer.from(`${name}${index}`))).join(
    '\n# ',
  );
  return Buffer.from(`#!/bin/sh\necho "${name} version ${version}"\nexit 0\n# ${padding}\n`);
}

export async function componentFixture(options: ComponentFixtureOptions = {}): Promise<ReleaseFixture> {
  const { arch = 'amd64', versions = {}, wrongChecksum = [], withoutChecksum = [], more = {} } = options;
  const answers = new Map<string, Answer>();
  for (const component of componentNames) {
    const version = versions[component];
    if (version === undefined) continue;
    const { repository, file, checksums, programs, perhaps } = componentLayouts[component];
    const name = file(version, arch);
    const contentOf = (program: string): Buffer | undefined =>
      options.content ? options.content(component, program) : fakeProgram(program, version);
    const entries = [...Object.keys(programs), ...Object.keys(perhaps)].flatMap(
      (program): [string, Buffer][] => {
        const own = contentOf(program);
        return own ? [[`${folders[component](version)}${program}`, own]] : [];
      },
    );
    const content =
      component === 'runc'
        ? (contentOf('runc') ?? Buffer.alloc(0))
        : await archiveOf([...entries, ...Object.entries(more).map(asEntry)]);
    const base = `/${repository}/releases/download/v${version}`;
    answers.set(`${base}/${name}`, options.redirect ? { redirect: `/elsewhere/${name}` } : { content });
    answers.set(`/elsewhere/${name}`, { content });
    // as published: with sums of other files beside, and a signature that nobody asks for
    answers.set(`${base}/${name}.asc`, { text: 'a signature' });
    if (withoutChecksum.includes(component)) continue;
    const sum = sumOf(content, wrongChecksum.includes(component));
    answers.set(`${base}/${checksums(version, arch)}`, {
      text: `${sumOf(Buffer.from('other'))}  another-file\n${sum}  ${name}\n`,
    });
  }
  return fileServer((path) => answers.get(path));
}

function asEntry([name, text]: [string, string]): [string, Buffer] {
  return [name, Buffer.from(text)];
}

async function archiveOf(entries: readonly (readonly [string, Buffer])[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of entries) archive.entry({ name, mode: 0o755, mtime: new Date(0) }, content);
  archive.entry({ name: 'bin/link', type: 'symlink', linkname: '/etc/passwd', mtime: new Date(0) });
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(Buffer.from(chunk as Uint8Array));
  return gzipSync(Buffer.concat(chunks));
}
