import { CommandError } from '../../errors.ts';
import type { HostFacts, Question, Unanswered } from '../../facts/types.ts';
import type { Host } from '../../host/types.ts';
import { routerLinkSetting, sysctlKeys } from '../../plan/sysctls.ts';
import type { Paths } from '../../plan/types.ts';
import { readSysctl } from '../../tools/sysctl.ts';
import { parseSystemdVersion, versionCommand } from '../../tools/systemd-version.ts';
import { gatherAptFacts } from './apt.ts';
import {
  gatherBridgeNetfilter,
  gatherCgroups,
  gatherFileSystems,
  gatherIpv6,
  gatherIpvs,
  gatherKernel,
  gatherMemoryBytes,
  gatherProcessStatus,
  gatherSecurityModules,
  gatherSysctls,
  gatherUnixTime,
} from './kernel.ts';
import { gatherDevices } from './devices.ts';
import { gatherFirewall, gatherNetwork } from './network.ts';
import { gatherListening } from './ports.ts';
import { gatherResolver } from './resolver.ts';
import { tryFolder } from './try-folders.ts';

export { gatherAptFacts } from './apt.ts';

export interface GatherOptions {
  /** Also ask apt for its mirrors (half a second): needed when a root file system must be built. */
  apt?: boolean;
  /** Also try out what can only be known by trying: which virtual links the kernel can make. */
  thorough?: boolean;
  /** Also try out the folders of state and cache: makes one in each for a moment. */
  tryFolders?: boolean;
  /** Told of each question that a program did not answer; the rest is gathered. Without it gathering fails. */
  onUnanswered?: (unanswered: Unanswered) => void;
}

/**
 * What this host is, in well under 100 ms: `create` waits for it. Reads /proc and /sys and starts a handful of
 * programs side by side; changes nothing.
 * @param environment knest's own environment; only the proxy variables are used.
 * @throws CommandError when a program that is there fails, unless `onUnanswered` is told
 */
export async function gatherFacts(
  host: Host,
  paths: Paths,
  environment: Readonly<Record<string, string | undefined>> = {},
  options: GatherOptions = {},
): Promise<HostFacts> {
  const ask = asking(options);
  const programs = findPrograms(host);
  const kernelFacts = gatherKernel(host);
  const networkFacts = ask(
    'network',
    programs.then((found) => gatherNetwork(host, found)),
    { links: [], addresses: [], subnetsInUse: [], routerLinks: [] },
  );
  const pid1 = host.readFile('/proc/1/comm').then((comm) => (comm ?? '').trim());
  const [
    status,
    kernel,
    hostname,
    machineId,
    memoryBytes,
    pid1Name,
    systemdVersion,
    cgroup,
    fileSystems,
    foundPrograms,
    apt,
    network,
    sysctls,
    listening,
    ipv6,
    ipvs,
    bridgeNetfilter,
    firewall,
    resolver,
    freeBytes,
    unixTime,
    securityModules,
    debianKeyring,
    linkKinds,
    devices,
    maxUserNamespaces,
    folders,
  ] = await Promise.all([
    gatherProcessStatus(host),
    kernelFacts,
    readSysctl(host, 'kernel.hostname'),
    host.readFile('/etc/machine-id').then((text) => (text ?? '').trim() || undefined),
    gatherMemoryBytes(host),
    pid1,
    ask(
      'systemd-nspawn',
      programs.then((found) => gatherSystemdVersion(host, found)),
      undefined,
    ),
    gatherCgroups(host),
    gatherFileSystems(host),
    programs,
    options.apt ? ask('apt', gatherAptFacts(host), undefined) : undefined,
    networkFacts,
    networkFacts.then(({ routerLinks }) =>
      gatherSysctls(host, [...sysctlKeys, ...routerLinks.map(routerLinkSetting)]),
    ),
    kernelFacts.then(({ arch }) => gatherListening(host, arch)),
    gatherIpv6(host),
    gatherIpvs(host),
    gatherBridgeNetfilter(host),
    ask(
      'firewall',
      Promise.all([programs, pid1]).then(([found, name]) => gatherFirewall(host, found, name)),
      { docker: false, firewalld: false },
    ),
    gatherResolver(host),
    ask('space', gatherFreeBytes(host, paths), { state: 0, cache: 0 }),
    gatherUnixTime(host),
    gatherSecurityModules(host),
    findDebianKeyring(host),
    options.thorough
      ? ask(
          'links',
          programs.then((found) => tryLinkKinds(host, found)),
          undefined,
        )
      : undefined,
    ask('devices', gatherDevices(host), []),
    readSysctl(host, 'user.max_user_namespaces').then((text) =>
      text === undefined ? undefined : Number(text),
    ),
    options.tryFolders
      ? ask(
          'folders',
          programs.then((found) => tryFolders(host, paths, found)),
          undefined,
        )
      : undefined,
  ]);
  return {
    hostname: hostname ?? host.name,
    machineId,
    ...kernel,
    ...status,
    memoryBytes,
    pid1: pid1Name,
    systemdVersion,
    cgroup,
    fileSystems,
    programs: foundPrograms,
    apt,
    proxyEnvironment: pickProxies(environment),
    ...network,
    sysctls,
    listening,
    ipv6,
    ipvs,
    bridgeNetfilter,
    firewall,
    ...resolver,
    freeBytes,
    unixTime,
    securityModules,
    debianKeyring,
    linkKinds,
    devices,
    maxUserNamespaces,
    kernelModules: (await host.stat(`/lib/modules/${kernel.kernel}`, { follow: true })) !== undefined,
    folders,
  };
}

/** Asks one thing: what is given instead of an answer is not to be believed, and only there where somebody was told. */
function asking({ onUnanswered }: GatherOptions) {
  return async <T>(question: Question, answer: Promise<T>, instead: T): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (!onUnanswered || !(error instanceof CommandError)) throw error;
      onUnanswered({ question, reason: error.message });
      return instead;
    }
  };
}

/** Where Host.run looks as well: a program that only the user's own PATH finds could not be started. */
const searchPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Every program that knest can make use of. */
const wantedPrograms = [
  ...['apt-get', 'dnf', 'pacman', 'zypper'],
  ...['systemd-nspawn', 'machinectl', 'systemctl', 'systemd-run', 'journalctl'],
  ...['ip', 'nft', 'iptables', 'ip6tables', 'firewall-cmd'],
  ...['NetworkManager', 'nmcli'],
  ...['unshare', 'nsenter', 'setpriv', 'mount', 'umount', 'findmnt'],
  ...['mmdebstrap', 'debootstrap', 'tar', 'xz', 'zstd', 'curl', 'kubectl', 'docker'],
];

/** Lists the folders once instead of asking for each program in each of them. */
async function findPrograms(host: Host): Promise<Record<string, string>> {
  const folders = await Promise.all(
    searchPath.map(async (folder) => ({ folder, names: new Set(await host.list(folder)) })),
  );
  return Object.fromEntries(
    wantedPrograms.flatMap((program) => {
      const home = folders.find(({ names }) => names.has(program));
      return home ? [[program, `${home.folder}/${program}`]] : [];
    }),
  );
}

async function gatherSystemdVersion(
  host: Host,
  programs: HostFacts['programs'],
): Promise<number | undefined> {
  if (programs['systemd-nspawn'] === undefined) return undefined;
  return parseSystemdVersion((await host.run(versionCommand)).stdout);
}

/** Bytes that root may still write where state and cache are, or will be. */
async function gatherFreeBytes(host: Host, paths: Paths): Promise<HostFacts['freeBytes']> {
  const folders = await Promise.all([nearestExisting(host, paths.state), nearestExisting(host, paths.cache)]);
  // %f: free blocks, those reserved for root included; %S: fundamental block size (stat(1))
  const { stdout } = await host.run(['stat', '--file-system', '--format', '%f %S', ...folders]);
  const [state = 0, cache = 0] = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number))
    .map(([blocks = 0, size = 0]) => blocks * size);
  return { state, cache };
}

async function tryFolders(
  host: Host,
  paths: Paths,
  programs: HostFacts['programs'],
): Promise<HostFacts['folders']> {
  // what is missing is told elsewhere
  if (['unshare', 'mount', 'setpriv'].some((program) => programs[program] === undefined)) return undefined;
  const [state, cache] = await Promise.all(
    [paths.state, paths.cache].map(async (path) => tryFolder(host, await nearestExisting(host, path))),
  );
  return state && cache ? { state, cache } : undefined;
}

async function nearestExisting(host: Host, path: string): Promise<string> {
  for (
    let folder = path;
    folder !== '' && folder !== '/';
    folder = folder.slice(0, folder.lastIndexOf('/'))
  ) {
    if (await host.stat(folder)) return folder;
  }
  return '/';
}

/** Debian and its derivatives, Fedora and Arch put it there; apt of Debian 14 prefers the name .pgp. */
async function findDebianKeyring(host: Host): Promise<string | undefined> {
  const names = await host.list('/usr/share/keyrings');
  const found = ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp'].find((name) =>
    names.includes(name),
  );
  return found === undefined ? undefined : `/usr/share/keyrings/${found}`;
}

/** Makes each kind in a network namespace that is gone with the command. */
async function tryLinkKinds(host: Host, programs: HostFacts['programs']): Promise<string[] | undefined> {
  if (programs['ip'] === undefined || programs['unshare'] === undefined) return undefined;
  const tries = await Promise.all(
    ['bridge', 'veth'].map(async (kind) => {
      const argv = ['unshare', '--net', '--', 'ip', 'link', 'add', 'knest-try', 'type', kind];
      // the kernel may have to load a module first, and a busy host takes its time
      const { exitCode } = await host.run(argv, { okExitCodes: 'any', timeout: 60_000 });
      return exitCode === 0 ? [kind] : [];
    }),
  );
  return tries.flat();
}

/** Programs disagree about the case of these names; lower case is understood by most. */
export function pickProxies(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => {
      const value = environment[name] ?? environment[name.toUpperCase()];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
}
