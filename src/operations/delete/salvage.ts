/** Deleting a cluster whose record is damaged: by what can still be read of it, and by the names of its machines. */

import { destroyMachine } from '../../apply/made-on-host.ts';
import { DamagedRecord } from '../../state/record-file.ts';
import type { MachineManager } from '../../managers/types.ts';
import { restoreSysctls } from '../../managers/sysctls.ts';
import { gatherCgroups } from '../../observe/host/kernel.ts';
import { planLaunch } from '../../plan/managers/direct/launch.ts';
import { bridgeName } from '../../plan/network/bridge.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { appliedPlan, nothingApplied, readApplied } from '../../state/applied.ts';
import { clusterFolder, forgetCluster, readPlan } from '../../state/clusters.ts';
import { unionPlan } from '../../state/union-plan.ts';
import { deleteLinkCommand } from '../../tools/ip.ts';
import type { Session } from '../session.ts';
import { tearDown } from './tear-down.ts';

/**
 * Deletes as much as can be found, and says what may be left. The wanted plan and what has been carried out of it say
 * nearly the same: one of the two is enough.
 * @throws KnestError for the record of a newer knest
 */
export async function deleteDamaged(session: Session, name: string, manager: MachineManager): Promise<void> {
  const { host, paths, listener } = session;
  const folder = clusterFolder(paths, name);
  const plan = (await unlessDamaged(readPlan(host, paths, name)))?.plan;
  const applied = (await unlessDamaged(readApplied(host, name, folder))) ?? nothingApplied;
  const known = plan ?? appliedPlan(applied);
  const warn = (message: string): void => {
    listener({ type: 'note', level: 'warning', message });
  };
  warn(`the record of cluster "${name}" is damaged: deleting what is known of it`);
  if (known) {
    await tearDown(session, unionPlan({ plan: known, applied }), manager);
    return;
  }
  const machines = await machinesByKeys(session, name);
  for (const machine of machines) await destroyMachine(host, manager, machine);
  const bridge = bridgeName(name);
  await host.run(deleteLinkCommand(bridge), { okExitCodes: 'any' });
  await restoreSysctls(host, folder);
  await forgetCluster(host, paths, name);
  warn(
    `of cluster "${name}" ${machines.map((machine) => machine.name).join(', ') || 'no machine'} and the link ${bridge} ` +
      'were found and deleted; rules of nftables or iptables, ports of the host and units of its systemd may be left',
  );
}

async function unlessDamaged<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}

/** Every node has a certificate of its own for its kubelet, named after it. */
async function machinesByKeys(session: Session, name: string): Promise<MachinePlan[]> {
  const { host, paths, listener } = session;
  const files = await host.list(`${clusterFolder(paths, name)}/pki`);
  const names = files.flatMap((file) => /^kubelet-serving-(.+)\.crt$/.exec(file)?.[1] ?? []);
  const cgroup = await gatherCgroups(host);
  const places = names.map((machine) => {
    const folder = `${paths.state}/machines/${machine}`;
    const place = { folder, root: `${folder}/root`, upper: `${folder}/upper`, work: `${folder}/work` };
    return { name: machine, ...place };
  });
  const there = await Promise.all(
    places.map(async ({ name: machine, folder }) => {
      if ((await host.stat(`/etc/systemd/nspawn/${machine}.nspawn`)) === undefined) return host.stat(folder);
      // the host's systemd would start the machine again, without its root file system
      const message =
        `machine ${machine} is run by units of this host, and stays: machinectl terminate ${machine}; ` +
        `then remove ${folder} and what systemctl cat systemd-nspawn@${machine} shows`;
      listener({ type: 'note', level: 'warning', message });
      return undefined;
    }),
  );
  return places
    .filter((_, index) => there[index] !== undefined)
    .map((place) => {
      const resources = { cpus: undefined, memory: undefined, tasks: undefined, ioWeight: undefined };
      const run = { ...place, lower: [], binds: [], link: { hostNetwork: true } as const, resources };
      return {
        ...emptyMachine,
        ...place,
        run: planLaunch({ ...run, started: [], boosted: false, unifiedCgroup: false }, { cgroup }),
      };
    });
}

const emptyMachine: Omit<MachinePlan, 'run' | 'name' | 'folder' | 'root' | 'upper' | 'work'> = {
  role: 'worker',
  slot: 0,
  address: '',
  addresses: [],
  podSubnets: [],
  kubernetesVersion: '',
  ports: [],
  layers: [],
  binds: [],
  files: [],
  units: [],
  probes: [],
  liveCommands: [],
  nodePatch: { metadata: { labels: {} }, spec: { podCIDR: '', podCIDRs: [] } },
};

/** The context that a cluster's kubeconfigs have, also when nothing of it can be read. */
export function contextOf(name: string): ClusterPlan['context'] {
  return `knest-${name}`;
}
