/** systemd-nspawn(1) for one command in a throw-away machine (machines that boot are planned elsewhere). */

export interface NspawnRun {
  /** The machine's root file system; written to. */
  root: string;
  /** Must be unique among the running ones. */
  name: string;
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
}

/**
 * Runs a command in a machine that shares the host's network; output and exit code are the command's. Not registered
 * with machined, so that it works without; killed with knest.
 *
 * Where systemd is process 1 it gives the machine a cgroup scope. Elsewhere --keep-unit makes nspawn leave the
 * cgroup it is in and create "supervisor" and "payload" beside whatever is there: so it gets a cgroup of its own
 * first (in the hierarchies that nspawn uses; the others may be left alone), removed afterwards.
 */
export function nspawnRunCommand({ root, name, argv, env }: NspawnRun, systemdIsInit: boolean): string[] {
  const nspawn = [
    'systemd-nspawn',
    '--quiet',
    '--register=no',
    ...(systemdIsInit ? [] : ['--keep-unit']),
    '--settings=no',
    '--as-pid2',
    '--console=pipe',
    '--resolv-conf=replace-host',
    `--machine=${name}`,
    ...Object.entries(env).map(([key, value]) => `--setenv=${key}=${value}`),
    `--directory=${root}`,
    '--',
    ...argv,
  ];
  return systemdIsInit
    ? nspawn
    : ['setpriv', '--pdeathsig', 'TERM', '--', 'sh', '-c', runInOwnCgroup, name, ...nspawn];
}

/** v1 and hybrid: systemd's own hierarchy and the v2 tree beside it; v2: the only one. */
const hierarchies = '/sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup';

/** Becomes the command, inside cgroups named $0. */
const enterCgroup = [
  `for hierarchy in ${hierarchies}; do`,
  '  [ -e "$hierarchy/cgroup.procs" ] || continue',
  '  mkdir -p "$hierarchy/knest/$0" && echo $$ >"$hierarchy/knest/$0/cgroup.procs"',
  'done',
  'exec setpriv --pdeathsig TERM -- "$@"',
].join('\n');

/**
 * Stays outside and cleans up however the machine ends, also when knest was killed. nspawn itself removes its folder
 * for mount propagation only where /run is a tmpfs ("Attempted to remove disk file system").
 */
const runInOwnCgroup = [
  `sh -c '${enterCgroup}' "$0" "$@" & child=$!`,
  `trap 'kill -TERM "$child"' TERM INT HUP`,
  'wait "$child"; code=$?',
  // a signal ends the first wait, not the machine
  'while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done',
  `for hierarchy in ${hierarchies}; do`,
  '  [ -d "$hierarchy/knest/$0" ] || continue',
  '  find "$hierarchy/knest/$0" -depth -type d -exec rmdir {} \\; 2>/dev/null',
  '  rmdir "$hierarchy/knest" 2>/dev/null',
  'done',
  'umount "/run/systemd/nspawn/unix-export/$0" 2>/dev/null',
  'rmdir "/run/systemd/nspawn/propagate/$0" "/run/systemd/nspawn/unix-export/$0" 2>/dev/null',
  'exit "$code"',
].join('\n');
