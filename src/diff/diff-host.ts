import { runFiles } from '../plan/managers/run-files.ts';
import type { ClusterPlan, HostPlan, PlannedSysctl } from '../plan/types.ts';
import { differs } from './equal.ts';
import type { Change } from './types.ts';

type Network = ClusterPlan['network'];

/** What changes in what the host lends to a cluster. */
export function diffHost(before: ClusterPlan | undefined, after: ClusterPlan | undefined): Change[] {
  if (before && after) {
    return [...diffNetwork(before.network, after.network), ...diffOfHost(before.host, after.host)];
  }
  const plan = before ?? after;
  if (!plan) return [];
  const goes = after ? 'comes' : 'goes';
  return [
    ...plan.host.sysctls
      .filter(({ from, to }) => from !== to)
      .map(({ key, from, to, why }): Change => {
        const says = after
          ? `${key} is ${to} instead of ${from}`
          : `${key} is ${from} again, when nobody needs ${to}`;
        return { what: 'kernel setting', says, cost: 'none', why };
      }),
    {
      what: 'network',
      says: `the network ${plan.network.bridge} ${goes}`,
      cost: 'none',
      why: after ? 'machines are connected to it' : 'its machines are gone by then',
    },
    ...runFiles(plan.host.run).map(({ path }) => ({
      what: 'host unit' as const,
      says: `${path} ${goes}`,
      cost: 'none' as const,
      why: "the host's systemd runs the cluster",
    })),
  ];
}

const readdressed = 'nodes, pods and Services have addresses of the old subnet';
const leads = 'the host leads packets another way';

/** The compiler refuses a field that is not here. */
const networkFields: { [Field in keyof Required<Network>]: Omit<Change, 'what'> } = {
  bridge: {
    says: 'the bridge is another one',
    cost: 'machine rebooted',
    why: 'a machine is connected as it starts',
  },
  lan: {
    says: 'the LAN is another one',
    cost: 'machine rebooted',
    why: 'a machine is connected as it starts',
  },
  hostNetwork: {
    says: 'whether the node shares the network of the host',
    cost: 'machine rebooted',
    why: 'a machine is connected as it starts',
  },
  nodeSubnets: { says: 'the subnet of nodes', cost: 'none', why: leads },
  podSubnets: { says: 'the subnet of pods', cost: 'pods moved', why: readdressed },
  serviceSubnets: { says: 'the subnet of Services', cost: 'pods moved', why: readdressed },
  apiAddress: { says: 'the address of the API', cost: 'none', why: leads },
  apiPort: { says: 'the port of the host that leads to the API', cost: 'none', why: leads },
  registryPort: { says: 'the port of the host that leads to the registry', cost: 'none', why: leads },
  loadBalancer: { says: 'the addresses for Services of type LoadBalancer', cost: 'none', why: leads },
  cni: {
    says: 'who connects pods',
    cost: 'pods moved',
    why: 'pods keep the network that they were made with',
  },
};

function diffNetwork(before: Network, after: Network): Change[] {
  return (Object.keys(networkFields) as (keyof Network)[]).flatMap((key) =>
    differs(before[key], after[key]) ? [{ what: 'network', ...networkFields[key] }] : [],
  );
}

const command = 'again and again, the commands are harmless to what runs';

const hostFields: { [Field in keyof Required<HostPlan>]: (a: HostPlan, b: HostPlan) => Change[] } = {
  sysctls: (before, after) => diffSysctls(before.sysctls, after.sysctls),
  setup: commands('setup', 'bridge, routes and NAT are set up in another way'),
  teardown: commands('teardown', 'what is taken away with the cluster'),
  afterStop: commands('afterStop', 'what is taken away when the machine has ended'),
  run: ({ run: old }, { run: fresh }) => {
    if (!differs(old, fresh)) return [];
    const [oldFiles, freshFiles] = [runFiles(old), runFiles(fresh)];
    const paths = new Set([...oldFiles, ...freshFiles].map(({ path }) => path));
    const others = [...paths].filter((path) =>
      differs(
        oldFiles.find((file) => file.path === path),
        freshFiles.find((file) => file.path === path),
      ),
    );
    const said = others.length > 0 ? others : ['how its manager runs the cluster'];
    return said.map((path) => ({
      what: 'host unit',
      says: `${path} is another one`,
      cost: 'none',
      why: "the host's systemd reads it again",
    }));
  },
};

function commands(key: 'setup' | 'teardown' | 'afterStop', says: string) {
  return (before: HostPlan, after: HostPlan): Change[] =>
    differs(before[key], after[key]) ? [{ what: 'network', says, cost: 'none', why: command }] : [];
}

function diffOfHost(before: HostPlan, after: HostPlan): Change[] {
  return Object.values(hostFields).flatMap((compare) => compare(before, after));
}

function diffSysctls(before: readonly PlannedSysctl[], after: readonly PlannedSysctl[]): Change[] {
  const keys = [...new Set([...before, ...after].map(({ key }) => key))];
  const changes = keys.flatMap((key): Change[] => {
    const [old, fresh] = [before, after].map((list) => list.find((one) => one.key === key));
    if (!differs(old, fresh)) return [];
    const says = fresh ? `${key} is to be ${fresh.to}` : `${key} is needed no more`;
    return [{ what: 'kernel setting', says, cost: 'none', why: fresh?.why ?? old?.why ?? '' }];
  });
  if (changes.length > 0 || !differs(before, after)) return changes;
  const why = 'the order in which they are set';
  return [{ what: 'kernel setting', says: 'kernel settings are in another order', cost: 'none', why }];
}
