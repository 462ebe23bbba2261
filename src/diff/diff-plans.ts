import type { PkiPlan } from '../pki/types.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import { unitFiles } from '../plan/unit-files.ts';
import { diffHost } from './diff-host.ts';
import { diffMachine } from './diff-machine.ts';
import { differs } from './equal.ts';
import type { Change, ClusterChanges, MachineDifference, MachineWork, RenewedKeys } from './types.ts';

/**
 * Everything in which two plans of a cluster differ: creating it is the difference from none, deleting it that to none.
 * @param keys by machine, files of key material that are others under the same names; undefined: those of certificates
 *   that the two plans describe differently
 */
export function diffPlans(
  before: ClusterPlan | undefined,
  after: ClusterPlan | undefined,
  keys?: RenewedKeys,
): ClusterChanges {
  const certificates = diffPki(before?.pki, after?.pki);
  const described = renewedByPlan(before, after);
  const machines = differencesOfMachines(
    before,
    after,
    (name) => keys?.get(name) ?? (keys ? none : described),
  );
  return {
    cluster: [...diffCluster(before, after), ...(before && after ? certificates.changes : [])],
    host: diffHost(before, after),
    machines,
  };
}

/** Files of key material that two plans describe differently, and that therefore are made anew. */
export function renewedByPlan(before: ClusterPlan | undefined, after: ClusterPlan | undefined): Set<string> {
  const { renewed } = diffPki(before?.pki, after?.pki);
  return new Set(renewed.flatMap((name) => [`${name}.crt`, `${name}.key`]));
}

const none: ReadonlySet<string> = new Set();

/** Whether there is nothing to do. */
export function isEmpty({ cluster, host, machines }: ClusterChanges): boolean {
  return cluster.length === 0 && host.length === 0 && machines.length === 0;
}

function differencesOfMachines(
  before: ClusterPlan | undefined,
  after: ClusterPlan | undefined,
  renewed: (name: string) => ReadonlySet<string>,
): MachineDifference[] {
  const [old, fresh] = [before, after].map(
    (plan) => new Map((plan?.machines ?? []).map((machine) => [machine.name, machine])),
  ) as [Map<string, MachinePlan>, Map<string, MachinePlan>];
  const names = [...new Set([...fresh.keys(), ...old.keys()])];
  return names.flatMap((name) => {
    const [was, is] = [old.get(name), fresh.get(name)];
    if (was && is) return diffMachine(was, is, renewed(name)) ?? [];
    if (is) return [added(is)];
    return was ? [removed(was)] : [];
  });
}

const noWork: MachineWork = {
  write: [],
  remove: [],
  stop: [],
  restart: [],
  reload: false,
  reboot: false,
  removeFromHost: [],
};

function added(machine: MachinePlan): MachineDifference {
  const { name, role, address } = machine;
  const says = `${role} ${name} comes, at ${address}`;
  const write = [...machine.files, ...unitFiles(machine)];
  const changes: Change[] = [{ what: 'machine added', says, cost: 'none', why: 'nothing runs there yet' }];
  return { name, kind: 'added', changes, work: { ...noWork, write } };
}

function removed({ name, role }: MachinePlan): MachineDifference {
  const why = 'its pods are evicted, and what they and it have stored there goes with it';
  const says = `${role} ${name} goes`;
  const changes: Change[] = [{ what: 'machine removed', says, cost: 'data lost', why }];
  return { name, kind: 'removed', changes, work: noWork };
}

/** What of the whole cluster is told by host and machines, and so not here. */
type Elsewhere = 'pki' | 'host' | 'machines' | 'network';

type Field = Exclude<keyof ClusterPlan, Elsewhere>;

const fields: { [One in Field]: Omit<Change, 'says'> & { says: string } } = {
  version: {
    what: 'description',
    says: 'the format of the plan',
    cost: 'none',
    why: 'nobody but knest reads it',
  },
  cluster: { what: 'cluster added', says: 'the name', cost: 'data lost', why: 'it is another cluster' },
  kubernetesVersion: {
    what: 'kubernetes version',
    says: 'the version of Kubernetes',
    cost: 'none',
    why: 'machines say what it costs each of them',
  },
  kubernetesReason: {
    what: 'description',
    says: 'why this Kubernetes was chosen',
    cost: 'none',
    why: 'it is only told',
  },
  kubernetesLayer: {
    what: 'layer',
    says: 'the layer of Kubernetes',
    cost: 'none',
    why: 'machines say what it costs each of them',
  },
  manager: {
    what: 'manager run',
    says: 'what runs the machines',
    cost: 'machine rebooted',
    why: 'a machine changes hands while it is off',
  },
  endpoint: {
    what: 'kubeconfig',
    says: 'where the API is',
    cost: 'none',
    why: 'kubeconfigs are written anew',
  },
  server: {
    what: 'kubeconfig',
    says: 'where users find the API',
    cost: 'none',
    why: 'kubeconfigs are written anew',
  },
  context: {
    what: 'kubeconfig',
    says: 'the name of the context',
    cost: 'none',
    why: 'kubeconfigs are written anew',
  },
  layers: {
    what: 'layer',
    says: 'the layers of all machines',
    cost: 'none',
    why: 'machines say what it costs each of them',
  },
};

function diffCluster(before: ClusterPlan | undefined, after: ClusterPlan | undefined): Change[] {
  if (!before && !after) return [];
  if (!before) {
    return [
      {
        what: 'cluster added',
        says: `cluster ${after?.cluster ?? ''} comes`,
        cost: 'none',
        why: 'nothing runs there yet',
      },
    ];
  }
  if (!after) {
    return [
      {
        what: 'cluster removed',
        says: `cluster ${before.cluster} goes`,
        cost: 'data lost',
        why: 'with its machines',
      },
    ];
  }
  return (Object.keys(fields) as Field[]).flatMap((key) => {
    if (!differs(before[key], after[key])) return [];
    const { says, ...rest } = fields[key];
    return [{ ...rest, says: `${says}${told(before[key], after[key])}` }];
  });
}

function told(before: unknown, after: unknown): string {
  return typeof before === 'string' && typeof after === 'string' ? `: ${before} becomes ${after}` : '';
}

/** @returns renewed: names of certificates that cannot stay as they are */
function diffPki(before?: PkiPlan, after?: PkiPlan): { changes: Change[]; renewed: string[] } {
  if (!before || !after) return { changes: [], renewed: [] };
  const authorities = new Set(namesOfOthers(before.authorities, after.authorities));
  const others = new Set(namesOfOthers(before.certificates, after.certificates));
  const present = new Set(before.certificates.map(({ name }) => name));
  const renewed = after.certificates
    .filter(({ name, authority }) => present.has(name) && (others.has(name) || authorities.has(authority)))
    .map(({ name }) => name);
  const names = [
    ...authorities,
    ...others,
    ...renewed,
    ...namesOfOthers(before.keyPairs.map(named), after.keyPairs.map(named)),
  ];
  const changes = [...new Set(names)].map((name): Change => {
    const says = renewed.includes(name) ? `certificate ${name} is issued anew` : `key or certificate ${name}`;
    return { what: 'certificate', says, cost: 'none', why: 'machines say which units read it' };
  });
  if (changes.length > 0 || !differs(before, after)) return { changes, renewed };
  const why = 'it makes no difference';
  const order: Change = {
    what: 'certificate',
    says: 'certificates are listed in another order',
    cost: 'none',
    why,
  };
  return { changes: [order], renewed };
}

function named(name: string): { name: string } {
  return { name };
}

/** Those that are in one list only, or described differently. */
function namesOfOthers(before: readonly { name: string }[], after: readonly { name: string }[]): string[] {
  const names = new Set([...before, ...after].map(({ name }) => name));
  return [...names].filter((name) =>
    differs(
      before.find((one) => one.name === name),
      after.find((one) => one.name === name),
    ),
  );
}
