import { CommandError, InputError, KnestError, tail } from '../errors.ts';
import type { RunOptions } from '../host/types.ts';
import type { AptSources } from '../tools/apt-sources.ts';
import {
  aptInstallScript,
  aptProgress,
  aptSourceLines,
  findMirrors,
  parseAptSources,
  renderAptSources,
} from '../tools/apt-sources.ts';
import { debootstrapCommand, debootstrapProgress } from '../tools/debootstrap.ts';
import { mmdebstrapCommand, mmdebstrapProgress } from '../tools/mmdebstrap.ts';
import { chrootCommand, isolatedCommand } from '../tools/unshare.ts';
import type { BuildContext } from './types.ts';

/** A Debian tree to make. */
export interface BootstrapRequest {
  suite: string;
  /** undefined: the bootstrap tool's default. */
  mirror: string | undefined;
  securityMirror: string | undefined;
  proxy: string | undefined;
  packages: readonly string[];
  /** Must not exist. */
  target: string;
}

/**
 * Makes a Debian system with these packages (no recommended ones) with mmdebstrap or debootstrap, whichever there is.
 * @returns where its packages came from: the mirrors asked for, or those that the tool chose.
 * @throws InputError for an unknown suite; KnestError for an unreachable mirror, no space, a missing tool
 */
export async function bootstrap(request: BootstrapRequest, context: BuildContext): Promise<AptSources> {
  const { programs } = context.facts;
  try {
    if (programs['mmdebstrap'] !== undefined) return await withMmdebstrap(request, context);
    if (programs['debootstrap'] !== undefined) return await withDebootstrap(request, context);
  } catch (error) {
    context.signal?.throwIfAborted();
    throw explainBootstrap(error, request);
  }
  throw new KnestError(`${context.host.name} has neither mmdebstrap nor debootstrap`, {
    code: 'HOST_UNFIT',
    hint: 'install one of them: apt-get install mmdebstrap',
  });
}

async function withMmdebstrap(request: BootstrapRequest, context: BuildContext): Promise<AptSources> {
  const { suite, target, packages, mirror, securityMirror } = request;
  const sources = mirror === undefined ? [] : aptSourceLines({ suite, mirror, securityMirror });
  const argv = mmdebstrapCommand({ suite, target, packages, sources });
  await context.host.run(isolatedCommand(argv), runOptions(request, context, mmdebstrapProgress));
  return sourcesOf(request, context);
}

async function withDebootstrap(request: BootstrapRequest, context: BuildContext): Promise<AptSources> {
  const { suite, target, mirror, packages } = request;
  const { host } = context;
  await host.run(
    isolatedCommand(debootstrapCommand({ suite, target, mirror })),
    runOptions(request, context, debootstrapProgress),
  );
  const found = await sourcesOf(request, context);
  // debootstrap's default mirror has security beside it under this name; nobody says so for a mirror of one's own
  const derived = mirror === undefined ? `${found.mirror.replace(/\/+$/, '')}-security` : undefined;
  const sources = { ...found, securityMirror: found.securityMirror ?? derived };
  await writeSources(context, target, renderAptSources(sources));
  // no service may be started in the tree: invoke-rc.d(8) asks this file
  const policy = `${target}/usr/sbin/policy-rc.d`;
  await host.writeFile(policy, '#!/bin/sh\nexit 101\n', 0o755);
  await host.run(
    isolatedCommand(chrootCommand(target, ['sh', '-c', aptInstallScript(packages)])),
    runOptions(request, context, aptProgress),
  );
  await host.remove(policy);
  return sources;
}

/** Replaces all of a tree's apt sources. */
export async function writeSources(context: BuildContext, root: string, text: string): Promise<void> {
  await context.host.remove(`${root}/etc/apt/sources.list`);
  await context.host.remove(`${root}/etc/apt/sources.list.d`);
  await context.host.makeDirectory(`${root}/etc/apt/sources.list.d`, 0o755);
  await context.host.writeFile(`${root}/etc/apt/sources.list.d/debian.sources`, text, 0o644);
}

/** The mirrors as asked for or, where the tool chose, as it wrote them down. */
async function sourcesOf(request: BootstrapRequest, { host }: BuildContext): Promise<AptSources> {
  const { suite, mirror, securityMirror, target } = request;
  if (mirror !== undefined) return { suite, mirror, securityMirror };
  const lists = await host.list(`${target}/etc/apt/sources.list.d`);
  const files = ['sources.list', ...lists.map((name) => `sources.list.d/${name}`)];
  const texts = await Promise.all(files.map((file) => host.readFile(`${target}/etc/apt/${file}`)));
  const found = findMirrors(
    texts.flatMap((text) => parseAptSources(text ?? '')),
    suite,
  );
  if (found.mirror === undefined) {
    throw new KnestError(`the new ${suite} system has no apt source of its own`, {
      code: 'BUILD_FAILED',
      hint: 'name a Debian mirror: --mirror URL',
    });
  }
  return { suite, mirror: found.mirror, securityMirror: found.securityMirror ?? securityMirror };
}

function runOptions(
  request: BootstrapRequest,
  { facts, progress, signal }: BuildContext,
  toMessage: (line: string) => string | undefined,
): RunOptions {
  return {
    env: {
      DEBIAN_FRONTEND: 'noninteractive',
      ...facts.proxyEnvironment,
      ...(request.proxy === undefined ? {} : { http_proxy: request.proxy }),
    },
    onLine: (line) => {
      const message = toMessage(line);
      if (message !== undefined) progress(message);
    },
    ...(signal === undefined ? {} : { signal }),
  };
}

/** What the tool's last words mean. */
export function explainBootstrap(
  error: unknown,
  { suite, mirror }: Pick<BootstrapRequest, 'suite' | 'mirror'>,
): unknown {
  if (!(error instanceof CommandError)) return error;
  const from = mirror === undefined ? 'the default Debian mirror' : `the Debian mirror ${mirror}`;
  const words = error.stderr;
  const details = tail(words, 20)
    .filter((line) => !line.startsWith('I: '))
    .slice(-10);
  if (/No space left on device/i.test(words)) {
    return new KnestError(`no space left while making the ${suite} system`, {
      code: 'DISK_FULL',
      details,
      hint: 'free some space or move the cache: KNEST_CACHE_DIR=DIR',
      cause: error,
    });
  }
  if (/NO_PUBKEY|missing key|unknown key|verifying signature/i.test(words)) {
    return new KnestError(`this host lacks the keys that ${from} signs ${suite} with`, {
      code: 'BUILD_FAILED',
      details,
      hint: 'apt-get install debian-archive-keyring (a recent one)',
      cause: error,
    });
  }
  if (/does not have a Release file|No such script|404 +Not Found[^]*Release/i.test(words)) {
    return new InputError('image', [
      {
        path: 'image.suite',
        message: `${from} has no suite "${suite}"`,
        hint: 'for example trixie or bookworm',
      },
    ]);
  }
  const unknown = unknownPackages.map((sentence) => sentence.exec(words)?.[1]).find(Boolean);
  if (unknown) {
    return new InputError('image', [
      {
        path: 'image.packages',
        message: `${from} has no package "${unknown}" in ${suite}`,
        hint: 'look at https://packages.debian.org for its name, or for a suite that has it',
      },
    ]);
  }
  if (unreachable.test(words)) {
    return new KnestError(`${from} cannot be reached, or has no suite "${suite}"`, {
      code: 'DOWNLOAD_FAILED',
      details,
      hint: 'name a mirror that this host can reach: --mirror URL',
      cause: error,
    });
  }
  // apt says why in one line among many
  const reason = tail(words, 200).findLast((line) => /^E: (?!.*(apt-get|setup failed))/.test(line));
  return new KnestError(
    `the ${suite} system could not be made from ${from}${reason === undefined ? '' : `: ${reason.slice(3)}`}`,
    {
      code: 'BUILD_FAILED',
      details,
      ...(/is expired|not valid yet/i.test(words)
        ? { hint: "look at this host's clock (date), or name a mirror that is kept up to date: --mirror URL" }
        : {}),
      cause: error,
    },
  );
}

/** apt's words, and debootstrap's. */
const unknownPackages: readonly RegExp[] = [
  /Unable to locate package (\S+)/,
  /Package '?([^\s']+)'? has no installation candidate/,
  /Couldn't find these debs: (\S+)/,
];

const unreachable = new RegExp(
  [
    'could not resolve|temporary failure resolving|unable to connect|could not connect|connection (refused|timed out|failed)',
    'network is unreachable|no route to host|failed to fetch|failed getting release file|invalid release file|error reading from server',
  ].join('|'),
  'i',
);
