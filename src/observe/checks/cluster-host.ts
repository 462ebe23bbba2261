/**
 * Whether what a cluster's plan has made on its host is still there. Others take such things away: `nft flush ruleset`, a
 * firewall that begins anew, `sysctl --system`, a bridge or a mount that an administrator clears up.
 */

import { CommandError, messageOf } from '../../errors.ts';
import { parseCidr } from '../../formats/cidr.ts';
import type { Host } from '../../host/types.ts';
import { isSatisfied } from '../../plan/sysctls.ts';
import { runFiles } from '../../plan/managers/run-files.ts';
import type { ClusterPlan, PlannedCommand } from '../../plan/types.ts';
import { addressesCommand, parseAddresses, parseRoutes, routesCommand } from '../../tools/ip.ts';
import { mountsBelow } from '../../tools/mount.ts';
import { readSysctl } from '../../tools/sysctl.ts';
import { missingRules } from './firewall-rules.ts';
import { readQuietly } from '../host/read.ts';

/** One thing of the host, as the probes of a machine. */
export interface HostCheck {
  says: string;
  ok: boolean;
  /** What is missing. */
  detail: string;
}

/** @param running names of the machines that run: what only these need is asked only for them */
export async function checkClusterHost(
  host: Host,
  plan: ClusterPlan,
  running: ReadonlySet<string>,
): Promise<HostCheck[]> {
  // what may have failed is no reason to worry
  const setup = plan.host.setup.filter(({ mayFail }) => mayFail !== true);
  const { bridge } = plan.network;
  const checks: [says: string, missing: () => Promise<string[]>][] = [
    [`the link ${bridge} and its routes are there`, () => missingLinks(host, plan, setup, running)],
    ['rules of nftables and iptables are there', () => missingRules(host, setup)],
    ['kernel settings are as planned', () => changedSettings(host, plan, setup)],
    ['root file systems are mounted', () => missingMounts(host, plan, running)],
    ['units of the host are there', () => missingFiles(host, plan)],
  ];
  return Promise.all(
    checks.map(async ([says, missing]) => {
      const found = await missing().catch((error: unknown) => {
        // a program that does not answer is a line of its own, and ends nothing else
        if (error instanceof CommandError) return [messageOf(error)];
        throw error;
      });
      return { says, ok: found.length === 0, detail: shorten(found) };
    }),
  );
}

function shorten(missing: readonly string[]): string {
  const more = missing.length - 3;
  return more > 1 ? `${missing.slice(0, 3).join('; ')}; and ${more} more` : missing.join('; ');
}

async function missingLinks(
  host: Host,
  { network, machines }: ClusterPlan,
  setup: readonly PlannedCommand[],
  running: ReadonlySet<string>,
): Promise<string[]> {
  // with the network of the host there is none
  const batches = setup.filter(({ argv }) => argv[0] === 'ip' && argv.includes('-batch'));
  if (batches.length === 0) return [];
  const [links, routes] = await Promise.all([
    host.run(addressesCommand).then(({ stdout }) => parseAddresses(stdout)),
    host.run(routesCommand).then(({ stdout }) => parseRoutes(stdout)),
  ]);
  const link = links.find(({ name }) => name === network.bridge);
  if (!link) return [`there is no link ${network.bridge}`];
  const isHere = new Set(link.addresses.map(({ address }) => address));
  const routed = new Set(
    routes
      .filter((route) => route.link === network.bridge)
      .map(({ destination }) => parseCidr(destination).text),
  );
  const lines = batches.flatMap(({ input = '' }) => input.split('\n'));
  const addresses = lines.flatMap((line) => /^address replace (\S+)\/\d+ /.exec(line)?.[1] ?? []);
  const destinations = lines.flatMap((line) => /^route replace (\S+) /.exec(line)?.[1] ?? []);
  const unplugged = machines.filter(({ name }) => {
    const port = links.find((one) => one.name === `vb-${name}`);
    return (
      network.lan === undefined && running.has(name) && port !== undefined && port.master !== network.bridge
    );
  });
  return [
    ...(link.up ? [] : [`${network.bridge} is down`]),
    ...addresses
      .filter((one) => !isHere.has(one))
      .map((one) => `${network.bridge} has not the address ${one}`),
    ...[...new Set(destinations)]
      .filter((one) => !routed.has(parseCidr(one).text))
      .map((one) => `no route to ${one}`),
    ...unplugged.map(({ name }) => `vb-${name} is not plugged into ${network.bridge}`),
  ];
}

/** The plan's own, and those of the cluster's link, which are set by writing to their files. */
async function changedSettings(
  host: Host,
  plan: ClusterPlan,
  setup: readonly PlannedCommand[],
): Promise<string[]> {
  const ofHost = plan.host.sysctls.map(async ({ key, to, rule }) => {
    const present = await readSysctl(host, key);
    return present === undefined || isSatisfied({ to, rule }, present)
      ? []
      : [`${key} is ${present} and not ${to}`];
  });
  const ofLink = setup
    .filter(({ argv }) => argv[0] === 'tee')
    .flatMap(({ argv, input = '' }) => argv.slice(1).map((path) => ({ path, wanted: input.trim() })))
    .map(async ({ path, wanted }) => {
      const present = (await readQuietly(host, path))?.trim();
      // without the link there is none: that is said already
      return present === undefined || present === wanted ? [] : [`${path} is ${present} and not ${wanted}`];
    });
  return (await Promise.all([...ofHost, ...ofLink])).flat();
}

/** The machine goes on without it, but nothing can be written into it from outside, and it does not start again. */
async function missingMounts(
  host: Host,
  { machines }: ClusterPlan,
  running: ReadonlySet<string>,
): Promise<string[]> {
  const mountinfo = (await host.readFile('/proc/self/mountinfo')) ?? '';
  return machines
    .filter(({ name, root }) => running.has(name) && !mountsBelow(mountinfo, root).includes(root))
    .map(({ name, root }) => `${root} (knest restart node ${name})`);
}

async function missingFiles(host: Host, { host: { run }, machines }: ClusterPlan): Promise<string[]> {
  const files = [...runFiles(run), ...machines.flatMap((machine) => runFiles(machine.run))];
  const found = await Promise.all(files.map(({ path }) => host.stat(path)));
  return files.filter((_, index) => found[index] === undefined).map(({ path }) => path);
}
