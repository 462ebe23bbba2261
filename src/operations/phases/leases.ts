import { layerPath } from '../../artifacts/layers.ts';
import type { MachineManager } from '../../managers/types.ts';
import { runSequence } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import { KnestError } from '../../errors.ts';
import type { HostFacts, Lease } from '../../facts/types.ts';
import { askForLease, readLease } from '../../observe/leases.ts';
import { rootfsLayer } from '../../plan/image.ts';
import { lanMac, linkProblem, refuseUnleased } from '../../plan/network/lan.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Session } from '../session.ts';
import { layerStep } from '../steps.ts';

export type Leases = Readonly<Record<string, Lease>>;

/**
 * Asks the DHCP server of the LAN for the addresses of nodes that are not there yet; empty unless the spec says so.
 * With the image's own busybox: the image is made first where it is missing.
 * @param previous the cluster as it is: its nodes have their leases
 * @throws KnestError kind "preflight" when nobody answers
 */
export async function leasesForNewNodes(
  session: Session,
  spec: ClusterSpec,
  facts: HostFacts,
  previous?: ClusterPlan,
): Promise<Leases> {
  const { mode, dhcp } = spec.network;
  if (typeof mode === 'string' || !dhcp) return {};
  const parent = mode.macvlan;
  // a link that is unfit is refused later, by planning, which explains why
  if (linkProblem(parent, facts)) return {};
  refuseUnleased(spec);
  const there = new Set(previous?.machines.map(({ name }) => name));
  const names = spec.nodes.map(({ name }) => name).filter((name) => !there.has(name));
  const layer = rootfsLayer(spec.image, facts);
  const root = layerPath(session.paths, layer.id);
  const leases: Record<string, Lease> = {};
  const steps: Step[] = [
    layerStep(session, facts, layer),
    {
      id: 'leases' as const,
      title: `Addresses by DHCP on the LAN of ${parent}`,
      run: async () => {
        await Promise.all(
          names.map(async (name) => {
            const mac = lanMac(facts, name);
            const lease = await askForLease(session.host, { parent, mac, hostname: name, root });
            if (!lease) throw nobodyAnswers(parent, name, mac);
            leases[name] = lease;
          }),
        );
      },
    },
  ];
  for (const step of names.length === 0 ? [] : steps)
    await runSequence(step, session.listener, session.signal);
  return leases;
}

function nobodyAnswers(parent: string, name: string, mac: string): KnestError {
  return new KnestError(`no DHCP server on the LAN of ${parent} gave ${name} (${mac}) an address`, {
    code: 'NO_DHCP_SERVER',
    hint:
      'is there one, with addresses left, on this side of any router? Switches and hypervisors that filter MAC ' +
      'addresses keep it from being asked. Without one: --node-subnet',
  });
}

/**
 * The leases that a cluster's nodes have now, where they are not those that it was planned with: of machines that run,
 * what they have; of others, what the DHCP server gives when it is asked. One that does not answer changes nothing.
 */
export async function changedLeases(
  session: Session,
  manager: MachineManager,
  plan: ClusterPlan,
): Promise<Leases> {
  const { parent, dhcp } = plan.network.lan ?? { parent: '', dhcp: false };
  if (!dhcp) return {};
  const present = await Promise.all(
    plan.machines.map(async (machine): Promise<[string, Lease | undefined]> => {
      const { name, lan } = machine;
      const known = lan?.lease;
      if (!known) return [name, undefined];
      const running = (await manager.leader(machine)) !== undefined;
      const request = { parent, mac: lan.mac, hostname: name, root: imageOf(session, plan, machine) };
      const lease = running
        ? await readLease(manager, machine, known)
        : await askForLease(session.host, request);
      if (!lease) {
        const message = `DHCP gives ${name} no address at the moment; it stays with ${known.address}`;
        session.listener({ type: 'note', level: 'warning', message });
      }
      return [name, lease && differs(lease, known) ? lease : undefined];
    }),
  );
  return Object.fromEntries(present.flatMap(([name, lease]) => (lease ? [[name, lease]] : [])));
}

/** Leases count as equal when only their server or duration differ: neither is part of the plan. */
function differs(a: Lease, b: Lease): boolean {
  const text = ({ address, prefixLength, router, nameservers, searchDomains }: Lease) =>
    JSON.stringify([address, prefixLength, router, nameservers, searchDomains]);
  return text(a) !== text(b);
}

/** What the machine stands on has busybox. */
function imageOf({ paths }: Session, { layers }: ClusterPlan, machine: MachinePlan): string {
  const rootfs = layers.find(({ id, kind }) => kind === 'rootfs' && machine.layers.includes(id));
  return layerPath(paths, rootfs?.id ?? '');
}
