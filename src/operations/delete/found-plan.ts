/** What a host shows of a cluster of which nothing that was written down can be read, as a plan to delete it by. */

import { gatherCgroups } from '../../observe/host/kernel.ts';
import { managerPlanners } from '../../plan/managers/planners.ts';
import { clusterTarget, unitFolder, written } from '../../plan/managers/systemd/names.ts';
import { bridgeName } from '../../plan/network/bridge.ts';
import { planNetworkSetup } from '../../plan/network/host-setup.ts';
import type { HostCommands, NetworkSetupOptions } from '../../plan/network/types.ts';
import type { ClusterPlan, MachinePlan, ManagerName, PlannedCommand } from '../../plan/types.ts';
import { clusterFolder } from '../../state/clusters.ts';
import { deleteLinkCommand } from '../../tools/ip.ts';
import { readAllClusters } from '../find-machines.ts';
import type { Session } from '../session.ts';

/**
 * Machines by their folders, certificates and units, and the host's network by the names that this cluster gives to
 * things. Deleting by it takes away what there is of them.
 */
export async function findPlan(session: Session, name: string): Promise<ClusterPlan> {
  const { host, paths } = session;
  const [names, target, cgroup] = await Promise.all([
    findMachines(session, name),
    host.readFile(`${unitFolder}/${clusterTarget(name)}`),
    gatherCgroups(host),
  ]);
  const settings = await Promise.all(names.map((one) => host.readFile(`/etc/systemd/nspawn/${one}.nspawn`)));
  const ofSystemd = [target, ...settings].some((text) => text?.includes(written));
  const manager: ManagerName = ofSystemd ? 'systemd' : 'direct';
  const planner = managerPlanners[manager];
  const folder = clusterFolder(paths, name);
  const machines = names.map((machine): MachinePlan => {
    const own = `${paths.state}/machines/${machine}`;
    const places = {
      ...{ folder: own, upper: `${own}/upper`, work: `${own}/work` },
      root: planner.machineRoot(machine, own),
    };
    const run = planner.planMachine(
      {
        ...{
          name: machine,
          cluster: name,
          clusterFolder: folder,
          machineId: undefined,
          boosted: false,
          unifiedCgroup: false,
        },
        ...{ lower: [], binds: [], started: [], link: { bridge: bridgeName(name) } },
        ...places,
        // the file with limits is named only where there are any
        resources: { cpus: 1, memory: undefined, tasks: undefined, ioWeight: undefined },
      },
      { cgroup },
    );
    return { ...nothing.machine, ...places, name: machine, run };
  });
  const bridge = bridgeName(name);
  const commands = { sysctls: [], setup: [], teardown: teardownByName(name, bridge) };
  // whatever the host has installed by now: a file that is not there is none to remove
  const programs = { nmcli: 'nmcli' };
  return {
    ...nothing.cluster,
    ...{ cluster: name, context: contextOf(name), manager, machines },
    network: { ...nothing.cluster.network, bridge },
    host: {
      ...commands,
      run: planner.planHost({ cluster: name, folder, bridge, host: commands }, { programs }),
    },
  };
}

/** Machines of other clusters, whose records can be read, are not among them. */
async function findMachines(session: Session, name: string): Promise<string[]> {
  const { host, paths } = session;
  const wants = `${unitFolder}/${clusterTarget(name)}.wants`;
  const [inPki, inFolders, units, { records }] = await Promise.all([
    host.list(`${clusterFolder(paths, name)}/pki`),
    host.list(`${paths.state}/machines`),
    host.list(wants),
    readAllClusters(session),
  ]);
  const isOurs = new RegExp(`^${name.replaceAll('.', '\\.')}-(control-plane|worker)\\d*$`);
  const found = [
    // every node has a certificate of its own for its kubelet, named after it
    ...inPki.flatMap((file) => /^kubelet-serving-(.+)\.crt$/.exec(file)?.[1] ?? []),
    ...inFolders,
    ...units.flatMap((unit) => /^systemd-nspawn@(.+)\.service$/.exec(unit)?.[1] ?? []),
  ];
  const others = new Set(records.flatMap(({ plan }) => plan.machines.map((machine) => machine.name)));
  return [...new Set(found)].filter((one) => isOurs.test(one) && !others.has(one)).sort();
}

/** All that any plan of this cluster may have made in the network of its host: rules and links have its name. */
function teardownByName(cluster: string, bridge: string): PlannedCommand[] {
  const options: NetworkSetupOptions = {
    ...{
      cluster,
      bridge,
      apiAddress: '',
      apiPort: undefined,
      machines: [],
      podSubnets: [],
      serviceSubnets: [],
    },
    // any of each family: nothing that is taken away is found by a subnet
    nodeSubnets: ['192.0.2.0/24', '2001:db8::/64'],
  };
  const programs = { iptables: 'iptables', ip6tables: 'ip6tables', 'firewall-cmd': 'firewall-cmd' };
  const firewall = { docker: false, forwardDrop: true, firewalld: true };
  const variants: HostCommands[] = [
    planNetworkSetup(options, {
      programs: { ...programs, nft: 'nft' },
      firewall: { ...firewall, ipv6: { docker: false, forwardDrop: true } },
    }),
    planNetworkSetup(options, {
      programs,
      firewall: { ...firewall, docker: true, ipv6: { docker: true, forwardDrop: true } },
    }),
  ];
  const all = [
    ...variants.flatMap(({ teardown }) => teardown),
    // on a LAN it is of another kind
    { why: `the link of ${cluster}`, argv: deleteLinkCommand(bridge), mayFail: true },
  ];
  const texts = all.map((command) => JSON.stringify(command.argv));
  return all.filter((_, index) => texts.indexOf(texts[index] ?? '') === index);
}

const nothing = {
  machine: {
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
  },
  cluster: {
    version: 3,
    ...{ kubernetesVersion: '', kubernetesReason: '', kubernetesLayer: '', endpoint: '', server: '' },
    network: { nodeSubnets: [], podSubnets: [], serviceSubnets: [], apiAddress: '', cni: 'bridge' },
    layers: [],
    pki: { authorities: [], certificates: [], keyPairs: [] },
  },
} as const;

/** The context that a cluster's kubeconfigs have, also when nothing of it can be read. */
export function contextOf(name: string): ClusterPlan['context'] {
  return `knest-${name}`;
}
