/** mmdebstrap(1): makes a Debian root file system with apt; the faster of the two tools. */

export interface MmdebstrapOptions {
  suite: string;
  target: string;
  packages: readonly string[];
  /** One-line apt sources; none: mmdebstrap's own default mirror, with updates and security. */
  sources: readonly string[];
  /** apt reads its sources as root: from folders that are closed to others. */
  unsandboxed?: boolean;
}

/** Needs root; --mode=root because a choice by itself could end in fakechroot without a word. */
export function mmdebstrapCommand(options: MmdebstrapOptions): string[] {
  const { suite, target, packages, sources, unsandboxed = false } = options;
  return [
    'mmdebstrap',
    '--mode=root',
    '--format=directory',
    '--variant=minbase',
    '--aptopt=APT::Install-Recommends "false"',
    ...(unsandboxed ? ['--aptopt=APT::Sandbox::User "root"'] : []),
    // nobody needs a half-written tree after a power cut: dpkg may leave out its fsyncs
    '--dpkgopt=force-unsafe-io',
    ...(packages.length === 0 ? [] : [`--include=${packages.join(',')}`]),
    suite,
    target,
    ...sources,
  ];
}

/** "I: running apt-get update..." -> "running apt-get update"; undefined for lines that are no news. */
export function mmdebstrapProgress(line: string): string | undefined {
  const message = /^I: (.*?)(\.\.\.)?$/.exec(line.trim())?.[1];
  return message === undefined ||
    /^(success in|chroot architecture|automatically chosen|main\(\))/.test(message)
    ? undefined
    : message;
}
