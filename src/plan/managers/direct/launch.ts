import { printableCommand } from '../../../errors.ts';
import type { HostFacts } from '../../../facts/types.ts';
import type { NodeResources } from '../../../spec/types.ts';
import type { DirectRun, PlannedBind, PlannedCommand } from '../../types.ts';
import { systemCalls } from '../system-calls.ts';
import type { MachineLink, MachineRunInput } from '../types.ts';

/** Cgroup that holds all machines, below each hierarchy. */
const cgroupParent = 'knest';

/** What the launch script is made from. */
export type LaunchInput = Omit<MachineRunInput, 'cluster' | 'clusterFolder' | 'machineId'>;

/**
 * How the `direct` manager starts a machine where process 1 is not systemd: a script that mounts the overlay, moves
 * itself into cgroups made for this machine and becomes systemd-nspawn.
 */
export function planLaunch(machine: LaunchInput, facts: Pick<HostFacts, 'cgroup'>): DirectRun {
  const cgroups = facts.cgroup.hierarchies.map((hierarchy) => `${hierarchy}/${cgroupParent}/${machine.name}`);
  const path = `${machine.folder}/launch`;
  const pidFile = `${machine.folder}/pid`;
  const logFile = `${machine.folder}/console.log`;
  const argv = nspawnCommand(machine);
  const quoted = (word: string): string => printableCommand([word]);
  return {
    manager: 'direct',
    path,
    pidFile,
    logFile,
    cgroups,
    argv,
    started: machine.started,
    ...(machine.boosted ? { startupCpuBoost: planStartupCpuBoost(facts.cgroup, machine.name) } : {}),
    script: [
      '#!/bin/sh',
      `# Starts machine ${machine.name} in the foreground. knest runs it detached; it can be run by hand as well.`,
      'set -eu',
      '',
      '# First of all who this is, so that it can be found and ended: pid, start time (pids are reused), boot.',
      `echo "$$ $(cut -d' ' -f22 /proc/$$/stat) $(cat /proc/sys/kernel/random/boot_id)" > ${quoted(`${pidFile}.new`)}`,
      printableCommand(['mv', `${pidFile}.new`, pidFile]),
      '# Deleting a machine begins with this script: it may have begun just now.',
      `[ -e ${quoted(path)} ] || exit 0`,
      '',
      '# Root file system: what this machine changed, over read-only layers that all machines share.',
      `mountpoint -q ${quoted(machine.root)} || ${printableCommand(overlayCommand(machine))}`,
      '',
      ...cgroupLines(facts.cgroup, machine.name),
      ...limitLines(facts.cgroup, machine),
      '',
      '# /proc/sys/net belongs to the network namespace: kube-proxy and CNI plugins write there.',
      'export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network',
      ...(machine.unifiedCgroup
        ? [
            '# Its systemd knows cgroup v2 only; it mounts the controllers of this host for containers.',
            'export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1',
          ]
        : []),
      `exec ${argv.map(quoted).join(' \\\n    ')}`,
      '',
    ].join('\n'),
  };
}

/** What the machine may use at most, in the cgroup that it is about to be in. */
function limitLines(cgroup: HostFacts['cgroup'], { name, resources }: LaunchInput): string[] {
  const limits = cgroup.version === 'v2' ? limitsOfVersion2(resources) : limitsOfVersion1(resources);
  return [
    ...(limits.length === 0 ? [] : ['# Limits.']),
    ...limits.map(
      ({ controller, file, value }) => `echo ${value} > ${groupOf(cgroup, name, controller)}/${file}`,
    ),
    ...weightLines(cgroup, name, resources.ioWeight),
  ];
}

/** A weight is no limit but a share; whether there is a file for it is the kernel's and its disk scheduler's business. */
function weightLines(cgroup: HostFacts['cgroup'], name: string, ioWeight: number | undefined): string[] {
  if (ioWeight === undefined) return [];
  const group = groupOf(cgroup, name, cgroup.version === 'v2' ? 'io' : 'blkio');
  const files =
    cgroup.version === 'v2'
      ? [`${group}/io.weight`, `${group}/io.bfq.weight`]
      : [`${group}/blkio.bfq.weight`, `${group}/blkio.weight`];
  const values =
    cgroup.version === 'v2' ? [ioWeight, bfqWeight(ioWeight)] : [bfqWeight(ioWeight), cfqWeight(ioWeight)];
  return [
    '# Share of the disks. The kernel has a file for each scheduler that knows weights; where it has none of them, disks',
    '# are not divided by weights, this one has no effect, and the log says so.',
    `if ${files.map((file) => `[ ! -e ${file} ]`).join(' && ')}; then`,
    `  echo 'this kernel does not divide disks by weights: the weight ${ioWeight} has no effect'`,
    'fi',
    ...files.map((file, index) => `if [ -e ${file} ]; then echo ${values[index] ?? ioWeight} > ${file}; fi`),
  ];
}

/** BFQ's weights end at 1000 (kernel: block/bfq-iosched.rst); as systemd does it, 100 stays 100. */
function bfqWeight(ioWeight: number): number {
  return ioWeight <= 100 ? ioWeight : Math.round(100 + ((ioWeight - 100) * 900) / 9900);
}

/** CFQ, until Linux 4.20: 10 to 1000, 500 by default (systemd's cgroup_weight_io_to_blkio()). */
function cfqWeight(ioWeight: number): number {
  return Math.min(1000, Math.max(10, ioWeight * 5));
}

/** The machine's cgroup in which a controller is: v1 has one per hierarchy, some of them for several controllers. */
function groupOf(cgroup: HostFacts['cgroup'], name: string, controller: string): string {
  const hierarchy = cgroup.hierarchies.find((path) =>
    path.split('/').at(-1)?.split(',').includes(controller),
  );
  return `${hierarchy ?? cgroup.hierarchies[0] ?? ''}/${cgroupParent}/${name}`;
}

/** The weight of a cgroup among its siblings (kernel: sched-design-CFS.rst, cgroup-v2.rst). */
function planStartupCpuBoost(
  cgroup: HostFacts['cgroup'],
  name: string,
): NonNullable<DirectRun['startupCpuBoost']> {
  const [file, more, usual] = cgroup.version === 'v2' ? ['cpu.weight', 400, 100] : ['cpu.shares', 4096, 1024];
  const write = (why: string, value: string | number | undefined): PlannedCommand => ({
    why,
    argv: ['tee', `${groupOf(cgroup, name, 'cpu')}/${file}`],
    input: `${value}\n`,
    mayFail: true,
  });
  return {
    more: write('all others wait for the first control plane: it comes first while the cluster starts', more),
    usual: write('all machines have the same share of the processors', usual),
  };
}

interface Limit {
  controller: string;
  file: string;
  value: string;
}

/** Microseconds in which a machine may use its share of the processors; the kernel's default. */
const period = 100_000;

/** Kernel: admin-guide/cgroup-v1/{memory,pids}.rst, scheduler/sched-bwc.rst */
function limitsOfVersion1({ cpus, memory, tasks }: NodeResources): Limit[] {
  return [
    ...(cpus === undefined
      ? []
      : [{ controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(Math.round(cpus * period)) }]),
    ...(memory === undefined
      ? []
      : [{ controller: 'memory', file: 'memory.limit_in_bytes', value: String(memory) }]),
    ...(tasks === undefined ? [] : [{ controller: 'pids', file: 'pids.max', value: String(tasks) }]),
  ];
}

/** Kernel: admin-guide/cgroup-v2.rst */
function limitsOfVersion2({ cpus, memory, tasks }: NodeResources): Limit[] {
  return [
    ...(cpus === undefined
      ? []
      : [{ controller: 'cpu', file: 'cpu.max', value: `${Math.round(cpus * period)} ${period}` }]),
    ...(memory === undefined ? [] : [{ controller: 'memory', file: 'memory.max', value: String(memory) }]),
    ...(tasks === undefined ? [] : [{ controller: 'pids', file: 'pids.max', value: String(tasks) }]),
  ];
}

/** systemd-nspawn(1). Each relaxation says why. */
function nspawnCommand(machine: LaunchInput): string[] {
  return [
    'systemd-nspawn',
    '--quiet',
    '--boot',
    `--directory=${machine.root}`,
    `--machine=${machine.name}`,
    // no systemd here to register with or to give it a unit
    '--register=no',
    '--keep-unit',
    '--settings=no',
    ...networkFlags(machine.link),
    // pods may be privileged; a machine is a node, not a sandbox
    '--capability=all',
    `--system-call-filter=${systemCalls.join(' ')}`,
    // name servers, time zone and journal are the plan's business
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    ...machine.binds.map(bindFlag),
  ];
}

/** Without any the machine is in the host's network (--private-network). */
function networkFlags(link: MachineLink): string[] {
  if ('hostNetwork' in link) return [];
  return ['bridge' in link ? `--network-bridge=${link.bridge}` : `--network-macvlan=${link.macvlan}`];
}

/** Colons in paths are escaped (systemd-nspawn(1), --bind=). */
function bindFlag(bind: PlannedBind): string {
  const flag = bind.readOnly ? '--bind-ro' : '--bind';
  const [source, target] = [bind.source, bind.target].map((path) => path.replaceAll(/[\\:]/g, '\\$&'));
  return `${flag}=${source}:${target}`;
}

function overlayCommand(machine: LaunchInput): string[] {
  const options = `lowerdir=${machine.lower.join(':')},upperdir=${machine.upper},workdir=${machine.work}`;
  return ['mount', '-t', 'overlay', 'overlay', '-o', options, machine.root];
}

/**
 * With --keep-unit and no own cgroup every machine would land in the same /payload: their pods and services would
 * share cgroups of the same names.
 */
function cgroupLines(cgroup: HostFacts['cgroup'], name: string): string[] {
  if (cgroup.version === 'v2')
    return cgroup.hierarchies.flatMap((hierarchy) => version2Lines(hierarchy, name));
  const parent = (hierarchy: string): string => `${hierarchy}/${cgroupParent}`;
  return [
    '# Cgroups of its own in every hierarchy.',
    printableCommand([
      'mkdir',
      '-p',
      ...cgroup.hierarchies.map((hierarchy) => `${parent(hierarchy)}/${name}`),
    ]),
    `for hierarchy in ${cgroup.hierarchies.join(' ')}; do`,
    `  parent=$hierarchy/${cgroupParent}`,
    '  if [ -e $parent/cpuset.cpus ]; then # empty at first, and then no process may enter',
    '    read -r cpus < $hierarchy/cpuset.cpus',
    '    read -r mems < $hierarchy/cpuset.mems',
    `    for group in $parent $parent/${name}; do`,
    '      echo $cpus > $group/cpuset.cpus',
    '      echo $mems > $group/cpuset.mems',
    '      echo 1 > $group/cgroup.clone_children',
    '    done',
    '  fi',
    '  # all machines together weigh as much as 16 processes of the host, not as one',
    '  if [ -e $parent/cpu.shares ]; then echo 16384 > $parent/cpu.shares; fi',
    '  # pods are accounted to the machine',
    '  if [ -e $parent/memory.use_hierarchy ]; then echo 1 > $parent/memory.use_hierarchy 2>/dev/null || true; fi',
    `  echo $$ > $parent/${name}/cgroup.procs`,
    'done',
  ];
}

/** What a kubelet on cgroup v2 does not start without (pkg/kubelet/cm/helpers_linux.go). */
const version2Controllers = ['cpu', 'cpuset', 'memory', 'pids'];

/** Kernel: admin-guide/cgroup-v2.rst, "No Internal Process Constraint". */
function version2Lines(root: string, name: string): string[] {
  const parent = `${root}/${cgroupParent}`;
  return [
    '# A cgroup of its own, with every controller.',
    `mkdir -p ${parent}/${name}`,
    '# The root of all cgroups may have processes and hand controllers on. In a container this is another cgroup, which may',
    '# not: what is in it moves aside for good, as in the image of Docker for Docker in Docker. Only the root has no type.',
    `if [ -e ${root}/cgroup.type ]; then`,
    `  mkdir -p ${root}/init`,
    `  for pid in $(cat ${root}/cgroup.procs); do echo "$pid" > ${root}/init/cgroup.procs 2>/dev/null || true; done`,
    'fi',
    `for controller in $(cat ${root}/cgroup.controllers); do`,
    `  echo "+$controller" > ${root}/cgroup.subtree_control || true`,
    `  echo "+$controller" > ${parent}/cgroup.subtree_control || true`,
    'done',
    `for controller in ${version2Controllers.join(' ')}; do`,
    `  if ! grep -qw "$controller" ${parent}/${name}/cgroup.controllers; then`,
    `    echo "${root} hands on no controller $controller: Kubernetes cannot run without it" >&2`,
    '    exit 1',
    '  fi',
    'done',
    `echo $$ > ${parent}/${name}/cgroup.procs`,
  ];
}
