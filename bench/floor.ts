/**
 * The floor under `knest create cluster`: the same binaries with the same flags, certificates and files, started bare
 * (no systemd, no machine, no knest) in a chroot and a network namespace. Everything is laid out beforehand; the
 * clock runs from starting the processes to the node being Ready. Root only.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { loadSpec, localHost, planCluster } from '../src/api/commands.ts';
import { runCommands } from '../src/managers/commands.ts';
import { writeMachine } from '../src/apply/machine-files.ts';
import type { MachineManager } from '../src/managers/types.ts';
import { raiseSysctls, restoreSysctls } from '../src/managers/sysctls.ts';
import type { CgroupFacts } from '../src/facts/types.ts';
import { clientCredentials } from '../src/clients/credentials.ts';
import { kubernetesClient } from '../src/clients/kubernetes/client.ts';
import { completeNode } from '../src/operations/complete-node.ts';
import { waitForNode, waitForServiceAccount } from '../src/observe/readiness.ts';
import { issuePki } from '../src/pki/issue.ts';
import { runOf } from '../src/plan/managers/run-of.ts';
import { adminCertificate } from '../src/plan/pki.ts';
import type { ClusterPlan, MachinePlan } from '../src/plan/types.ts';
import { pathsFromEnvironment } from '../src/workstation/paths.ts';
import { removeCgroupsCommand } from '../src/tools/cgroup.ts';
import { mountsBelow, umountCommand } from '../src/tools/mount.ts';

const clusterName = 'floor';
const namespace = 'knest-floor';

/** Seconds from starting the processes. */
export interface Times {
  /** The node is Ready. */
  ready: number;
  /** Namespace default takes pods, which is when `knest create cluster` returns. */
  usable: number;
}

/** Runs the floor once. Leaves nothing behind. */
export async function measureFloor(suite: string): Promise<Times> {
  const host = localHost();
  const folder = await mkdtemp(join(tmpdir(), 'knest-floor-'));
  const paths = { state: folder, cache: pathsFromEnvironment(process.env).cache };
  const { plan, facts } = await planCluster({
    spec: loadSpec({ flags: { name: clusterName, suite, manager: 'direct' } }).spec,
    host,
    paths,
  });
  const machine = plan.machines[0];
  if (!machine) throw new Error('the plan has no machine');
  try {
    const material = await issuePki(plan.pki, new Map(), new Date());
    await raiseSysctls(host, folder, plan.host.sysctls);
    await runCommands(host, plan.host.setup);
    await host.run(['sh', '-euc', plugIn(plan, machine)]);
    await writeMachine(host, machine, material);
    await host.writeFile(`${machine.folder}/floor`, script(machine, facts.cgroup), 0o755);
    await host.run(['sync']);
    return await startAndWait(machine, plan, material);
  } finally {
    await cleanUp(plan, machine, paths);
    await restoreSysctls(host, folder);
    await rm(folder, { recursive: true, force: true });
  }
}

async function startAndWait(
  machine: MachinePlan,
  plan: ClusterPlan,
  material: Awaited<ReturnType<typeof issuePki>>,
): Promise<Times> {
  const client = kubernetesClient(plan.endpoint, clientCredentials(material, adminCertificate), {
    via: localHost(),
  });
  const started = performance.now();
  const process1 = spawn(`${machine.folder}/floor`, { stdio: 'ignore', detached: true });
  try {
    await waitForNode(localHost(), alwaysThere(process1.pid), client, machine, {
      timeout: 120_000,
      progress: () => undefined,
      signal: new AbortController().signal,
      onRegistered: () => completeNode(client, machine),
    });
    const ready = (performance.now() - started) / 1000;
    await waitForServiceAccount(client, { timeout: 120_000, signal: new AbortController().signal });
    return { ready, usable: (performance.now() - started) / 1000 };
  } finally {
    client.close();
    const ended = new Promise((resolve) => process1.once('exit', resolve));
    // the shell that unshare(1) made process 1 of the namespace ends everything in it
    if (process1.exitCode === null && process1.pid !== undefined) process.kill(-process1.pid, 'SIGKILL');
    await ended;
  }
}

/** waitForNode asks whether the machine still runs. */
function alwaysThere(pid: number | undefined): MachineManager {
  const refuse = (): never => {
    throw new Error('the floor has no machine to talk to');
  };
  return {
    leader: () => Promise.resolve(pid),
    start: refuse,
    stop: refuse,
    destroy: refuse,
    consoleTail: () => Promise.resolve([]),
    run: () => Promise.reject(new Error('the floor keeps no journal: see the logs in its folder')),
    enterCommand: refuse,
    writeFiles: refuse,
    catchUp: refuse,
    releaseRoot: refuse,
    boost: refuse,
    unboost: refuse,
    setUpHost: refuse,
    updateHost: refuse,
    tearDownHost: refuse,
    afterStop: refuse,
  };
}

/** A network namespace on the cluster's bridge, with the machine's address. */
function plugIn(plan: ClusterPlan, machine: MachinePlan): string {
  const [{ prefixLength, gateway } = { prefixLength: 24, gateway: '' }] = machine.addresses;
  return `
    ip netns add ${namespace}
    ip link add ${namespace} type veth peer name host0 netns ${namespace}
    ip link set ${namespace} master ${plan.network.bridge} up
    ip -n ${namespace} link set lo up
    ip -n ${namespace} link set host0 up
    ip -n ${namespace} addr add ${machine.address}/${prefixLength} dev host0
    ip -n ${namespace} addr add ${plan.network.apiAddress}/32 dev host0
    ip -n ${namespace} route add default via ${gateway}
    ip -n ${namespace} route add unreachable 169.254.169.254/32
  `;
}

/** Everything up to the first process, then every unit's command at once, restarted as its unit would be. */
function script(machine: MachinePlan, cgroup: CgroupFacts): string {
  const { root, upper, work } = machine;
  const lower = /lowerdir=([^,]+)/.exec(runOf(machine, 'direct').script)?.[1] ?? '';
  const commands = machine.units
    .map(({ name, text }) => ({
      name,
      command: /^ExecStart=((?:.*\\\n)*.*)$/m.exec(text)?.[1],
      environment: /^EnvironmentFile=(\/.*)$/m.exec(text)?.[1],
    }))
    .filter(({ name, command }) => command !== undefined && name !== 'knest-mounts.service')
    .map(({ name, command = '', environment }) => {
      const exported = environment === undefined ? '' : `export $(cat ${environment}); `;
      const plain = `${exported}${command.replace(/\$[A-Z_]+$/, '')}`;
      const log = `/var/log/${name}.log`;
      return name === 'knest-images.service'
        ? `( until ${plain}; do sleep 0.1; done ) >${log} 2>&1 &`
        : `( while :; do ${plain}; sleep 0.2; done ) >${log} 2>&1 &`;
    });
  const inner = [
    'set -u',
    'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...commands,
    'wait',
  ];
  const own = cgroup.hierarchies.map((hierarchy) => `${hierarchy}/${clusterName}`);
  return `#!/bin/sh
set -eu
for group in ${own.join(' ')}; do
  mkdir -p $group
  if [ -e $group/cpuset.cpus ]; then cat $group/../cpuset.cpus > $group/cpuset.cpus; cat $group/../cpuset.mems > $group/cpuset.mems; fi
  echo $$ > $group/cgroup.procs
done
exec ip netns exec ${namespace} unshare --mount --pid --fork --kill-child --cgroup --uts --ipc sh -euc '
  hostname ${machine.name}
  mount -t overlay overlay -o lowerdir=${lower},upperdir=${upper},workdir=${work} ${root}
  mount -t proc proc ${root}/proc
  mount --rbind /dev ${root}/dev
  mount -t sysfs sysfs ${root}/sys
  mount -t tmpfs tmpfs ${root}/run
  mount -t tmpfs tmpfs ${root}/sys/fs/cgroup
${cgroup.hierarchies.map((hierarchy) => mountHierarchy(root, hierarchy, cgroup)).join('\n')}
${machine.binds.map(({ source, target }) => (target.startsWith('/dev/') ? '' : `  mkdir -p ${root}${target}; mount --bind ${source} ${root}${target}; mount --make-rshared ${root}${target}`)).join('\n')}
  mkdir -p ${root}/var/log
  exec chroot ${root} sh -c "$0"
' ${quote(inner.join('\n'))}
`;
}

function mountHierarchy(root: string, hierarchy: string, cgroup: CgroupFacts): string {
  const name = hierarchy.slice(hierarchy.lastIndexOf('/') + 1);
  const target = `${root}/sys/fs/cgroup/${name}`;
  if (cgroup.version === 'v2') return `  mount -t cgroup2 cgroup2 ${root}/sys/fs/cgroup`;
  if (name === 'unified') return `  mkdir ${target}; mount -t cgroup2 cgroup2 ${target}`;
  return `  mkdir ${target}; mount -t cgroup -o ${name === 'systemd' ? 'none,name=systemd' : name} cgroup ${target}`;
}

async function cleanUp(plan: ClusterPlan, machine: MachinePlan, paths: { state: string }): Promise<void> {
  const host = localHost();
  const groups = runOf(machine, 'direct').cgroups.map((path) =>
    path.replace(/\/knest\/[^/]+$/, `/${clusterName}`),
  );
  const deadline = Date.now() + 20_000;
  for (;;) {
    const left = await Promise.all(groups.map((group) => host.stat(group)));
    if (!left.some(Boolean)) break;
    await host.run(removeCgroupsCommand(groups), { okExitCodes: 'any' });
    if (Date.now() > deadline) throw new Error(`cgroups do not empty: ${groups.join(' ')}`);
    await sleep(20);
  }
  await host.run(['ip', 'netns', 'delete', namespace], { okExitCodes: 'any' });
  await host.run(['ip', 'link', 'delete', namespace], { okExitCodes: 'any' });
  await runCommands(host, plan.host.teardown);
  const mounts = mountsBelow((await host.readFile('/proc/self/mountinfo')) ?? '', paths.state);
  for (const point of mounts) await host.run(umountCommand(point));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { ready, usable } = await measureFloor(process.argv[2] ?? 'trixie');
  process.stdout.write(`node Ready ${ready.toFixed(2)} s, takes pods ${usable.toFixed(2)} s\n`);
}
