import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import type { ScriptedAnswer } from '../../../src/host/memory.ts';
import { checkClusterHost } from '../../../src/observe/checks/cluster-host.ts';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import { nodesOf, planOf, sandboxFacts } from '../../fixtures/cluster.ts';

const facts = sandboxFacts();
const withoutNft = Object.fromEntries(Object.entries(facts.programs).filter(([name]) => name !== 'nft'));
const iptables = { iptables: '/usr/sbin/iptables', ip6tables: '/usr/sbin/ip6tables' };
const spec = { nodes: nodesOf('control-plane', 'worker') };
const plan = planOf({ spec, facts });
const byIptables = planOf({ spec, facts: { ...facts, programs: { ...withoutNft, ...iptables } } });
const { bridge } = plan.network;
const running = new Set(plan.machines.map(({ name }) => name));

/** As `ip -j` and `nft -j` print what the plan has made (iproute2 6.1, nftables 1.0.6). */
function good(of: ClusterPlan): { files: Record<string, string>; answers: Record<string, ScriptedAnswer> } {
  const batch = of.host.setup.find(({ argv }) => argv.includes('-batch'))?.input ?? '';
  const dst = [...batch.matchAll(/^route replace (\S+) via (\S+) .* proto \d+$/gm)].map(([, to, via]) => ({
    ...{ dst: to, gateway: via, dev: bridge },
  }));
  const links = [
    { ifname: bridge, flags: ['UP'], addr_info: [{ local: '10.89.0.1', prefixlen: 24 }] },
    { ifname: 'vb-knest-worker', flags: ['UP'], master: bridge, addr_info: [] },
  ];
  const rule = { rule: { family: 'ip', table: 'knest_knest', chain: 'postrouting' } };
  const chain = { chain: { family: 'ip', table: 'knest_knest', name: 'postrouting' } };
  const tee = of.host.setup.filter(({ argv }) => argv[0] === 'tee');
  return {
    files: {
      ...Object.fromEntries(
        of.host.sysctls.map(({ key, to }) => [`/proc/sys/${key.replaceAll('.', '/')}`, to]),
      ),
      ...Object.fromEntries(
        tee.flatMap(({ argv, input }) => argv.slice(1).map((path) => [path, input ?? ''])),
      ),
      '/proc/self/mountinfo': of.machines
        .map(({ root }) => `40 31 0:40 / ${root} rw - overlay overlay rw`)
        .join('\n'),
    },
    answers: {
      'ip -j address show': { stdout: JSON.stringify(links) },
      'ip -j route show': { stdout: JSON.stringify(dst) },
      'ip link show': {},
      'nft -j list table ip knest_knest': { stdout: JSON.stringify({ nftables: [chain, rule] }) },
      'iptables --wait 5 --table nat -S kn-knest-post': {
        stdout: '-N kn-knest-post\n-A kn-knest-post -j MASQUERADE\n-A kn-knest-post -j MASQUERADE\n',
      },
      'iptables --wait 5 --table nat -S kn-knest-ports': { stdout: '-N kn-knest-ports\n' },
      'iptables --wait 10 --table nat --check': {},
    },
  };
}

interface Change {
  files?: Record<string, string>;
  answers?: Record<string, ScriptedAnswer>;
}

async function missing(of: ClusterPlan, { files = {}, answers = {} }: Change = {}): Promise<string[]> {
  const all = good(of);
  const host = memoryHost({ files: { ...all.files, ...files }, answers: { ...all.answers, ...answers } });
  const checks = await checkClusterHost(host, of, running);
  return checks.filter(({ ok }) => !ok).map(({ says, detail }) => `${says}: ${detail}`);
}

describe('what a cluster has on its host', () => {
  it.each([
    ['nftables', plan],
    ['iptables', byIptables],
  ])('is there, with %s', async (_what, of) => {
    expect(await missing(of)).toEqual([]);
  });

  const gone = { exitCode: 1, stderr: 'No such file or directory' };
  const emptied = JSON.stringify({ nftables: [{ chain: { name: 'postrouting' } }] });
  it.each<[string, ClusterPlan, Change, string]>([
    [
      'nft flush ruleset',
      plan,
      { answers: { 'nft -j list table ip knest_knest': gone } },
      'no nftables table ip knest_knest',
    ],
    [
      'nft flush table',
      plan,
      { answers: { 'nft -j list table ip knest_knest': { stdout: emptied } } },
      'in the chain postrouting',
    ],
    [
      'iptables -t nat -F',
      byIptables,
      { answers: { 'iptables --wait 5 --table nat -S kn-knest-post': { stdout: '-N kn-knest-post' } } },
      'the chain kn-knest-post of iptables is empty',
    ],
    [
      'iptables -t nat -F POSTROUTING',
      byIptables,
      { answers: { 'iptables --wait 10 --table nat --check': { exitCode: 1 } } },
      'a rule of iptables: machines and pods of knest reach the outside',
    ],
    [
      'ip link delete',
      plan,
      { answers: { 'ip -j address show': { stdout: '[]' } } },
      `there is no link ${bridge}`,
    ],
    [
      'ip route delete',
      plan,
      { answers: { 'ip -j route show': { stdout: '[]' } } },
      'no route to 10.244.0.0/24',
    ],
    [
      'another bridge of the name',
      plan,
      {
        answers: {
          'ip -j address show': {
            stdout: JSON.stringify([
              { ifname: bridge, flags: [], addr_info: [] },
              { ifname: 'vb-knest-worker', flags: ['UP'], addr_info: [] },
            ]),
          },
        },
      },
      `${bridge} is down; ${bridge} has not the address 10.89.0.1; vb-knest-worker is not plugged into ${bridge}`,
    ],
    [
      'sysctl',
      plan,
      { files: { '/proc/sys/vm/overcommit_memory': '2' } },
      'vm.overcommit_memory is 2 and not 1',
    ],
    [
      'a setting of the link',
      plan,
      { files: { [`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`]: '1\n' } },
      'route_localnet is 1 and not 0',
    ],
    ['umount', plan, { files: { '/proc/self/mountinfo': '' } }, 'knest restart node knest-worker'],
  ])('is missed after %s', async (_what, of, change, words) => {
    expect(await missing(of, change)).toEqual([expect.stringContaining(words)]);
  });

  it('is asked for one by one: a program that does not answer is a line, and the rest is known', async () => {
    const found = await missing(plan, {
      answers: {
        'ip -j address show': { exitCode: 1, stderr: 'busy' },
        'nft -j list table ip knest_knest': gone,
      },
    });
    expect(found).toHaveLength(2);
    expect(found[0]).toContain('ip exited 1');
  });

  it('includes units, where systemd has them', async () => {
    const server = planOf({ spec: { ...spec, manager: 'systemd' }, facts: { ...facts, pid1: 'systemd' } });
    expect(await missing(server)).toEqual([expect.stringMatching(/units of the host are there: .*knest-/)]);
  });
});
