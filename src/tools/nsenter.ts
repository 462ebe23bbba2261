/** nsenter(1): running a program inside a machine. */

/** What a program inside a machine gets as environment, like a service of systemd gets it. */
const machineEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  USER: 'root',
  SHELL: '/bin/bash',
  // kubectl inside a control plane works without further ado
  KUBECONFIG: '/etc/kubernetes/admin.conf',
} as const;

/**
 * Command that runs argv in all namespaces of the machine whose process 1 is `leader`, after joining its cgroups:
 * otherwise the program would be accounted to the host and see cgroup paths that start with "/..".
 * The program gets SIGTERM when nsenter is ended.
 * @param cgroupFiles cgroup.procs files of the leader, see cgroupProcsFiles
 */
export function enterMachineCommand(
  leader: number,
  cgroupFiles: readonly string[],
  argv: readonly string[],
  terminal = 'dumb',
): string[] {
  const environment = Object.entries({ ...machineEnvironment, TERM: terminal }).map(
    ([key, value]) => `${key}=${value}`,
  );
  // what the program makes in the machine has the modes that a service's files have, whatever umask the user has here
  const join = 'umask 022; for file in $0; do echo $$ > $file; done; exec "$@"';
  const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
  return [
    ...['sh', '-c', join, cgroupFiles.join(' ')],
    ...['nsenter', `--target=${leader}`, ...namespaces, '--wdns=/root', '--'],
    // nsenter does not hand signals on: when it is ended, its program is told like this
    ...['setpriv', '--pdeathsig', 'TERM', 'env', '-i', ...environment, ...argv],
  ];
}
