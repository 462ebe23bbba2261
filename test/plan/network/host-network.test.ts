import { describe, expect, it } from 'vitest';

import { runOf } from '../../../src/plan/managers/run-of.ts';
import type { PlanInputs } from '../../../src/plan/types.ts';
import type { NetworkSpec } from '../../../src/spec/types.ts';
import { machineOf, networkSpec, nodesOf, planOf, textOf } from '../../fixtures/cluster.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';

interface Input {
  network?: Partial<NetworkSpec>;
  facts?: Partial<PlanInputs>;
  manager?: 'direct' | 'systemd';
  workers?: number;
  ingress?: true;
}

function plan({ network = {}, facts = {}, manager = 'direct', workers = 0, ingress }: Input = {}) {
  return planOf({
    spec: {
      manager,
      nodes: nodesOf('control-plane', ...Array.from({ length: workers }, () => 'worker' as const)),
      network: networkSpec({ mode: 'host', ...network }),
      ...(ingress ? { ingress } : {}),
    },
    facts: hostFacts({ defaultAddress: '192.0.2.2', ...facts }),
  });
}

describe('a node on the network of its host', () => {
  const planned = plan();
  const machine = machineOf(planned);

  it("has the host's address, and offers the API there", () => {
    expect(machine.addresses).toEqual([{ address: '192.0.2.2', prefixLength: 32, gateway: '' }]);
    expect(planned).toMatchObject({
      endpoint: 'https://192.0.2.2:6443',
      network: { hostNetwork: true, bridge: 'cni0', nodeSubnets: ['192.0.2.2/32'], apiAddress: '192.0.2.2' },
    });
    expect(plan({ network: { hostAddress: '127.0.0.1' } }).endpoint).toBe('https://127.0.0.1:6443');
  });

  it('has no network of its own, and leaves that of the host alone', () => {
    expect(runOf(machine, 'direct').argv.filter((flag) => flag.startsWith('--network'))).toEqual([]);
    expect(machine.files.map(({ path }) => path)).not.toContain('/etc/systemd/network/10-host0.network');
    for (const unit of ['systemd-networkd.service', 'systemd-sysctl.service'])
      expect(machine.files).toContainEqual(
        expect.objectContaining({ path: `/etc/systemd/system/${unit}`, content: { link: '/dev/null' } }),
      );
    expect(machine.liveCommands).toEqual([]);
    const settings = JSON.stringify(runOf(machineOf(plan({ manager: 'systemd' })), 'systemd').files);
    expect(settings).toContain('Private=no');
    expect(settings).not.toContain('Bridge=');
  });

  it('may write to the settings of the network, and to no others', () => {
    const text = textOf(machine, 'knest-mounts.service');
    expect(text).toContain('remount,rw,bind /proc/sys/net\n');
    expect(text).not.toMatch(/remount,rw,bind \/proc\/sys\n/);
    expect(textOf(machineOf(planOf()), 'knest-mounts.service')).not.toContain('/proc/sys/net');
  });

  it('gives back what kube-proxy needs set on the host', () => {
    const changes = planned.host.sysctls.filter(({ from, to }) => from !== to).map(({ key }) => key);
    expect(changes).toEqual(['net.ipv4.conf.all.route_localnet']);
  });

  it('hides pods behind the host, and nobody else', () => {
    const commands = planned.host.setup.map(({ argv, input = '' }) => [...argv, input].join(' ')).join('\n');
    expect(commands).toContain(
      'ip saddr { 10.244.0.0/16 } ip daddr != { 10.244.0.0/16, 10.96.0.0/16 } oifname != "cni0" masquerade',
    );
    expect(commands).not.toContain('ip link');
    expect(commands).not.toContain('route_localnet');
  });

  it('is swept off the host when it has ended, and when it is deleted', () => {
    const { afterStop = [], teardown } = planned.host;
    expect(afterStop.length).toBeGreaterThan(0);
    expect(teardown.slice(0, afterStop.length)).toEqual(afterStop);
    expect(planOf().host.afterStop).toBeUndefined();
    const ofSystemd = plan({ manager: 'systemd' });
    const script = '/var/lib/knest/clusters/knest/network/sweep.sh';
    expect(runOf(ofSystemd.host, 'systemd').files.map(({ path }) => path)).toContain(script);
    expect(JSON.stringify(runOf(machineOf(ofSystemd), 'systemd').files)).toContain(
      `ExecStopPost=-/bin/sh ${script}`,
    );
  });

  it('removes no chain of iptables that was there before', () => {
    const firewall = { docker: true, firewalld: false, builtIn: ['ip nat PREROUTING', 'ip6 filter INPUT'] };
    const argv = plan({ facts: { firewall } }).host.afterStop?.flatMap((command) => command.argv);
    expect(argv).toEqual(expect.arrayContaining(['ip nat OUTPUT', 'ip filter INPUT', 'ip6 nat PREROUTING']));
    expect(argv).not.toContain('ip nat PREROUTING');
    expect(argv).not.toContain('ip6 filter INPUT');
  });

  it('switches on what pods of one node need of the host, and off again what was not there', () => {
    const sysctls = Object.fromEntries(
      Object.entries(hostFacts().sysctls).filter(([key]) => !key.startsWith('net.bridge.')),
    );
    const { setup, teardown } = plan({ facts: { sysctls } }).host;
    expect(JSON.stringify(setup)).toContain('"modprobe","br_netfilter"');
    expect(JSON.stringify(teardown)).toContain('echo 0 >');
    expect(JSON.stringify(planned.host)).not.toContain('br_netfilter');
  });

  it('has its DNS at a port that is not the host’s own', () => {
    expect(textOf(machine, '/etc/kubernetes/knest-agent.json')).toContain('"port": 10253');
  });
});

describe('refused on the network of the host', () => {
  it.each<[string, Input, string, RegExp]>([
    ['a second node', { workers: 1 }, 'nodes', /only one/],
    [
      'a port that is taken',
      { facts: { listening: [{ protocol: 'tcp', address: '127.0.0.1', port: 2379 }] } },
      'network.mode',
      /port 2379 .* etcd/,
    ],
    [
      'a port that Ingresses need is taken',
      {
        ingress: true,
        facts: { listening: [{ protocol: 'tcp', address: '0.0.0.0', port: 80, usedBy: 'nginx' }] },
      },
      'network.mode',
      /port 80 .* HAProxy needs it: nginx/,
    ],
    ['another cluster there', { facts: { hostNetworkOf: 'first' } }, 'network.mode', /"first"/],
    [
      'rules of another Kubernetes',
      { facts: { firewall: { docker: false, firewalld: false, kubernetes: ['ip nat'] } } },
      'network.mode',
      /rules of Kubernetes in ip nat/,
    ],
    [
      'links of another Kubernetes',
      { facts: { links: ['lo', 'eth0', 'cni0'] } },
      'network.mode',
      /link cni0/,
    ],
    ['no default route', { facts: { defaultAddress: undefined } }, 'network.hostAddress', /no default route/],
    [
      'an address of somebody else',
      { network: { hostAddress: '192.0.2.9' } },
      'network.hostAddress',
      /no address of this host/,
    ],
  ])('%s', (_what, input, path, message) => {
    expect(() => plan(input)).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ path, message: expect.stringMatching(message) as string })],
      }),
    );
  });

  it('tells all ports at once', () => {
    const listening = [6443, 10250].map((port) => ({ protocol: 'tcp' as const, address: '::', port }));
    expect(() => plan({ facts: { listening } })).toThrow(
      expect.objectContaining({ problems: expect.objectContaining({ length: 2 }) as object }),
    );
  });

  it('but not by what it has itself, when it is planned again', () => {
    const facts = hostFacts({
      listening: [{ protocol: 'tcp', address: '::', port: 6443 }],
      links: ['lo', 'eth0', 'cni0'],
    });
    const spec = { network: networkSpec({ mode: 'host' }) };
    expect(planOf({ spec, facts, previous: plan() }).endpoint).toBe('https://192.0.2.2:6443');
  });
});
