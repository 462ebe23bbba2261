import { oldestManagingSystemd } from '../../facts/systemd-versions.ts';
import { changingSysctls, planSysctls } from '../../plan/sysctls.ts';
import type { Check, HostFacts } from '../../facts/types.ts';
import { ok, problem, warning } from './verdicts.ts';

const gibibyte = 2 ** 30;

/** Rights, kernel, space, clock. */
export function systemChecks(facts: HostFacts, needs: { building: boolean }): Check[] {
  return [
    checkRoot(facts),
    ...checkCapabilities(facts),
    checkManager(facts),
    checkCgroups(facts),
    checkOverlay(facts),
    ...checkSysctls(facts),
    checkInotify(facts),
    checkSpace('state', facts.freeBytes.state, { least: 1, enough: 5 }),
    // the packages that compile Kubernetes, its sources and the compiler's cache come to 4 GiB
    ...(needs.building ? [checkSpace('cache', facts.freeBytes.cache, { least: 4, enough: 8 })] : []),
    checkUserNamespaces(facts),
    ...checkSecurityModules(facts),
    ...checkClock(facts),
  ];
}

function checkRoot({ isRoot }: HostFacts): Check {
  return isRoot
    ? ok('root', 'knest runs as root.')
    : problem('root', 'knest does not run as root; machines, mounts and links need it.', 'run it with sudo');
}

/** Without one of these systemd-nspawn can't start a machine or kubelet can't work in it. */
const needed = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_MKNOD',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_SETUID',
  'CAP_SYS_ADMIN',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
];

function checkCapabilities({ capabilities }: HostFacts): Check[] {
  const absent = needed.filter((name) => !capabilities.includes(name));
  const checks = [
    absent.length === 0
      ? ok('capabilities', 'All capabilities that machines need can be had.')
      : problem(
          'capabilities',
          `This host withholds ${absent.join(', ')} even from root; it seems to be an unprivileged container.`,
          'run knest on the host itself, or in a privileged container',
        ),
  ];
  if (!capabilities.includes('CAP_SYS_RESOURCE')) {
    checks.push(
      warning(
        'CAP_SYS_RESOURCE',
        'CAP_SYS_RESOURCE is missing: pods run, but none can be protected better from running out of memory than the ' +
          'rest, as containerd may only raise oom_score_adj.',
        'nothing to do for tests; otherwise give the container or sandbox that knest runs in CAP_SYS_RESOURCE',
      ),
    );
  }
  return checks;
}

function checkManager({ pid1, systemdVersion }: HostFacts): Check {
  if (pid1 === 'systemd' && systemdVersion !== undefined && systemdVersion < oldestManagingSystemd) {
    return warning(
      'process-1',
      `systemd runs as process 1, but is version ${systemdVersion}: knest starts machines itself, and they do not outlive a reboot.`,
      `systemd runs them from version ${oldestManagingSystemd} on: Debian 12, Ubuntu 24.04, Fedora 37 or later`,
    );
  }
  return ok(
    'process-1',
    pid1 === 'systemd'
      ? 'systemd runs as process 1.'
      : `Process 1 is ${pid1 || 'unknown'} and not systemd: knest starts machines itself, and they do not outlive a reboot.`,
  );
}

/** What kubelet, containerd and the machine's systemd look for, each of them a hierarchy or part of one in v1. */
const controllers = ['cpu', 'cpuset', 'memory', 'pids', 'devices', 'systemd'];

function checkCgroups({ cgroup: { version, hierarchies } }: HostFacts): Check {
  if (hierarchies.length === 0) {
    return problem(
      'cgroups',
      'No cgroup hierarchy is mounted below /sys/fs/cgroup.',
      'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    );
  }
  if (version === 'v2') return ok('cgroups', 'cgroup v2 is mounted.');
  // controllers may share a hierarchy: /sys/fs/cgroup/cpu,cpuacct
  const present = hierarchies.flatMap((path) => path.slice(path.lastIndexOf('/') + 1).split(','));
  const absent = controllers.filter((name) => !present.includes(name));
  const words = version === 'hybrid' ? 'cgroup v1 (with a v2 tree beside it)' : 'cgroup v1';
  if (absent.length === 0)
    return ok('cgroups', `${words} is mounted, with all controllers that machines need.`);
  return problem(
    'cgroups',
    `${words} is mounted without ${absent.join(', ')}.`,
    'boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or mount what is missing below /sys/fs/cgroup',
  );
}

function checkOverlay({ fileSystems }: HostFacts): Check {
  return fileSystems.includes('overlay')
    ? ok('overlay', 'The kernel has overlayfs.')
    : problem(
        'overlay',
        'The kernel has no overlayfs; root file systems of machines are overlays.',
        'load it (modprobe overlay), or use a kernel that has it',
      );
}

/** Of a cluster without further ado. */
const usual = { ipFamily: 'ipv4', mode: 'bridge' } as const;

const inotifyInstances = 'fs.inotify.max_user_instances';

function checkSysctls(facts: HostFacts): Check[] {
  const planned = changingSysctls(planSysctls(facts, usual)).filter(({ key }) => key !== inotifyInstances);
  if (planned.length === 0) return [ok('kernel-settings', 'All kernel settings are as kubelet wants them.')];
  const changes = planned.map(({ key, from, to }) => `${key} from ${from} to ${to}`).join(', ');
  return [
    ok(
      'kernel-settings',
      `knest sets ${changes} while there are clusters, and gives the old values back with the last.`,
    ),
  ];
}

function checkInotify(facts: HostFacts): Check {
  const present = facts.sysctls[inotifyInstances];
  const planned = changingSysctls(planSysctls(facts, usual)).find(({ key }) => key === inotifyInstances);
  if (present === undefined) return ok('inotify', "The kernel doesn't tell its limit of inotify instances.");
  if (planned === undefined || Number(present) >= 512)
    return ok('inotify', `${inotifyInstances} is ${present}.`);
  return warning(
    'inotify',
    `${inotifyInstances} is ${present}, too few for more than a node or two; knest raises it while there are clusters.`,
    `to keep it: echo ${inotifyInstances}=${planned.to} > /etc/sysctl.d/60-inotify.conf && sysctl --system`,
  );
}

function checkSpace(what: 'state' | 'cache', bytes: number, gib: { least: number; enough: number }): Check {
  const name = `space-${what}`;
  const free = `${(bytes / gibibyte).toFixed(1)} GiB are free for knest's ${what}`;
  const variable = what === 'state' ? 'KNEST_STATE_DIR' : 'KNEST_CACHE_DIR';
  const fix = `free some space, or set ${variable} to a folder on a larger file system`;
  if (bytes < gib.least * gibibyte)
    return problem(name, `Only ${free}; it takes at least ${gib.least} GiB.`, fix);
  if (bytes < gib.enough * gibibyte) return warning(name, `${free}; ${gib.enough} GiB are comfortable.`, fix);
  return ok(name, `${free}.`);
}

/** First Linux in which tmpfs, where secrets and projected volumes are, can be mounted with other owners (idmapped). */
const kernelWithIdmappedTmpfs = { major: 6, minor: 3 };

/** For pods with `hostUsers: false`; whether the runtime can do it, the node itself says (status.runtimeHandlers). */
function checkUserNamespaces({ kernel, maxUserNamespaces }: HostFacts): Check {
  const name = 'user-namespaces';
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const { major: least, minor: leastMinor } = kernelWithIdmappedTmpfs;
  if (maxUserNamespaces === undefined || maxUserNamespaces === 0) {
    return warning(
      name,
      'The kernel makes no user namespaces: pods with hostUsers: false do not start.',
      'sysctl user.max_user_namespaces=65536, where the kernel has that',
    );
  }
  if (major < least || (major === least && minor < leastMinor)) {
    return warning(
      name,
      `Linux ${kernel} has no idmapped tmpfs: pods with hostUsers: false do not start.`,
      `use Linux ${least}.${leastMinor} or newer for these`,
    );
  }
  return ok(name, `Linux ${kernel} can give pods user namespaces (hostUsers: false).`);
}

function checkSecurityModules({ securityModules = [] }: HostFacts): Check[] {
  if (securityModules.includes('selinux-enforcing')) {
    return [
      warning(
        'selinux',
        'SELinux is enforcing; knest is not tested with it, and machines run without a label of their own.',
        'when a machine does not start, look for denials (ausearch -m avc) and try setenforce 0',
      ),
    ];
  }
  return securityModules.includes('apparmor')
    ? [
        ok(
          'apparmor',
          'AppArmor is on; it does not confine machines. For profiles of pods: image.packages: [apparmor].',
        ),
      ]
    : [];
}

/** A clock that is years behind makes every certificate, of mirrors as of clusters, one of the future. */
const oldestCredibleTime = Date.UTC(2026, 0, 1) / 1000;

function checkClock({ unixTime }: HostFacts): Check[] {
  if (unixTime === undefined) return [];
  const date = new Date(unixTime * 1000).toISOString().slice(0, 10);
  return unixTime >= oldestCredibleTime
    ? [ok('clock', `The clock says ${date}.`)]
    : [
        warning(
          'clock',
          `The clock says ${date}, which is in the past: mirrors and certificates will not be trusted.`,
          'set it: timedatectl set-ntp true, or date --set',
        ),
      ];
}
