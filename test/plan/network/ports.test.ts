import { describe, expect, it } from 'vitest';

import { InputError } from '../../../src/errors.ts';
import type { ListeningPort } from '../../../src/facts/types.ts';
import { planPorts, type PresentPorts } from '../../../src/plan/network/ports.ts';
import type { IpFamily, NetworkSpec, PortMapping } from '../../../src/spec/types.ts';
import { networkSpec } from '../../fixtures/cluster.ts';

const mapping = (changes: Partial<PortMapping> = {}): PortMapping => ({
  ...{ containerPort: 80, hostPort: undefined, listenAddress: undefined, protocol: 'TCP' },
  ...changes,
});

interface Input {
  mappings?: readonly (readonly PortMapping[])[];
  listening?: readonly ListeningPort[];
  ipFamily?: IpFamily;
  apiServer?: Partial<NetworkSpec['apiServer']>;
  present?: PresentPorts;
}

function plan({ mappings = [[]], listening = [], ipFamily = 'ipv4', apiServer = {}, present }: Input) {
  const network = networkSpec({
    ipFamily,
    apiServer: { address: undefined, listenAddress: undefined, port: undefined, certSANs: [], ...apiServer },
  });
  const nodes = mappings.map((extraPortMappings, index) => ({ name: `demo-${index}`, extraPortMappings }));
  const facts = { listening, addresses: ['127.0.0.1', '::1', '192.0.2.2', 'fd00::2'] };
  return planPorts({ name: 'demo', network, nodes }, facts, present);
}

function problemsOf(input: Input) {
  try {
    plan(input);
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
  return [];
}

const tcp = (address: string, port: number): ListeningPort => ({ protocol: 'tcp', address, port });

describe('planPorts', () => {
  it('leads given ports to the nodes that have them', () => {
    const mappings = [[], [mapping({ hostPort: 8080 }), mapping({ hostPort: 8080, protocol: 'UDP' })]];
    expect(plan({ mappings })).toEqual({
      nodes: [
        [],
        [
          { protocol: 'tcp', listenAddress: undefined, hostPort: 8080, machinePort: 80 },
          { protocol: 'udp', listenAddress: undefined, hostPort: 8080, machinePort: 80 },
        ],
      ],
      api: undefined,
    });
  });

  it('leads a port to the API where it is offered', () => {
    expect(plan({ apiServer: { listenAddress: '127.0.0.1', port: 6443 } }).api).toEqual({
      protocol: 'tcp',
      listenAddress: '127.0.0.1',
      hostPort: 6443,
      machinePort: 6443,
    });
    expect(plan({ apiServer: { port: 6443 } }).api).toBeUndefined();
  });

  it('chooses ports that are free, and always the same', () => {
    const input = { mappings: [[mapping(), mapping()], [mapping()]] };
    const chosen = plan(input)
      .nodes.flat()
      .map(({ hostPort }) => hostPort);
    expect(new Set(chosen).size).toBe(3);
    for (const port of chosen) expect(port >= 20_000 && port < 30_000).toBe(true);
    expect(
      plan(input)
        .nodes.flat()
        .map(({ hostPort }) => hostPort),
    ).toEqual(chosen);
    const [first = 0] = chosen;
    const elsewhere = plan({ ...input, listening: [tcp('0.0.0.0', first)] });
    expect(elsewhere.nodes[0]?.[0]?.hostPort).not.toBe(first);
  });

  it('does not choose what is given to another, wherever that stands', () => {
    const [first = 0] = plan({ mappings: [[mapping()]] })
      .nodes.flat()
      .map(({ hostPort }) => hostPort);
    const both = plan({ mappings: [[mapping(), mapping({ containerPort: 81, hostPort: first })]] });
    expect(both.nodes[0]?.[1]?.hostPort).toBe(first);
    expect(both.nodes[0]?.[0]?.hostPort).not.toBe(first);
  });

  it.each<[string, ListeningPort, string | undefined, IpFamily, boolean]>([
    ['everywhere', tcp('0.0.0.0', 80), undefined, 'ipv4', true],
    ['everywhere', tcp('0.0.0.0', 80), '127.0.0.1', 'ipv4', true],
    ['on an IPv6 socket that has IPv4 as well', tcp('::', 80), '127.0.0.1', 'ipv4', true],
    ['on one address', tcp('127.0.0.53', 80), undefined, 'ipv4', true],
    ['on one address', tcp('127.0.0.53', 80), '127.0.0.1', 'ipv4', false],
    ['on one address', tcp('127.0.0.53', 80), '0.0.0.0', 'dual', true],
    ['on IPv6 only', tcp('fd00::2', 80), undefined, 'ipv4', false],
    ['on IPv6 only', tcp('fd00::2', 80), undefined, 'dual', true],
    ['on another port', tcp('0.0.0.0', 81), undefined, 'ipv4', false],
    ['by another protocol', { ...tcp('0.0.0.0', 80), protocol: 'udp' }, undefined, 'ipv4', false],
  ])('sees what listens %s: %o, %s in %s', (_, listening, listenAddress, ipFamily, clash) => {
    const mappings = [[mapping({ hostPort: 8080 }), mapping({ hostPort: 80, listenAddress })]];
    const problems = problemsOf({ mappings, listening: [listening], ipFamily });
    expect(problems.map(({ path }) => path)).toEqual(clash ? ['nodes[0].extraPortMappings[1].hostPort'] : []);
    if (clash) expect(problems[0]?.message).toContain(`TCP port 80 is taken by something that listens on`);
  });

  it('names who has the port where that is known', () => {
    const listening = [{ ...tcp('0.0.0.0', 80), usedBy: 'knest cluster other' }];
    const [problem] = problemsOf({ mappings: [[mapping({ hostPort: 80 })]], listening });
    expect(problem?.message).toBe('TCP port 80 is taken by knest cluster other');
  });

  it('gives a port once', () => {
    const mappings = [[mapping({ hostPort: 80 })], [mapping({ hostPort: 80, listenAddress: '127.0.0.1' })]];
    expect(problemsOf({ mappings, apiServer: { listenAddress: '192.0.2.2', port: 80 } })).toMatchObject([
      {
        path: 'nodes[1].extraPortMappings[0].hostPort',
        message: expect.stringContaining('nodes[0]') as string,
      },
      { path: 'network.apiServer.port' },
    ]);
  });

  it.each<[string, IpFamily, string]>([
    ['::1', 'dual', '127.0.0.1'],
    ['::1', 'ipv6', 'another IPv6 address'],
    ['0:0::1', 'dual', '127.0.0.1'],
    ['fd00::2', 'ipv4', 'IPv4'],
    ['192.0.2.2', 'ipv6', 'IPv6'],
    ['192.0.2.3', 'ipv4', 'leave it out'],
    ['localhost', 'ipv4', 'leave it out'],
  ])('refuses to listen on %s in %s', (listenAddress, ipFamily, hint) => {
    const problems = problemsOf({ mappings: [[mapping({ listenAddress })]], ipFamily });
    expect(problems).toMatchObject([
      { path: 'nodes[0].extraPortMappings[0].listenAddress', hint: expect.stringContaining(hint) as string },
    ]);
  });

  it.each<[string, IpFamily]>([
    ['127.0.0.2', 'ipv4'],
    ['192.0.2.2', 'dual'],
    ['fd00:0::2', 'dual'],
    ['0.0.0.0', 'ipv4'],
    ['::', 'ipv6'],
  ])('listens on %s in %s', (listenAddress, ipFamily) => {
    expect(problemsOf({ mappings: [[mapping({ listenAddress, hostPort: 80 })]], ipFamily })).toEqual([]);
  });

  it('has the API on its own family only', () => {
    expect(problemsOf({ ipFamily: 'dual', apiServer: { listenAddress: 'fd00::2' } })).toMatchObject([
      { path: 'network.apiServer.listenAddress' },
    ]);
  });

  describe('for a cluster that is there', () => {
    const present: PresentPorts = {
      machines: [
        {
          name: 'demo-0',
          ports: [
            { protocol: 'tcp', listenAddress: undefined, hostPort: 8080, machinePort: 80 },
            { protocol: 'tcp', listenAddress: undefined, hostPort: 23_456, machinePort: 80 },
          ],
        },
      ],
      api: { protocol: 'tcp', listenAddress: '127.0.0.1', hostPort: 23_457, machinePort: 6443 },
    };
    const mappings = [[mapping({ hostPort: 8080 })], [mapping()]];

    it('keeps what it has, chosen or given', () => {
      const listening = [tcp('0.0.0.0', 8080), tcp('0.0.0.0', 23_457)];
      const again = plan({ mappings, listening, present, apiServer: { listenAddress: '127.0.0.1' } });
      expect(again.nodes[0]?.[0]?.hostPort).toBe(8080);
      expect(again.api?.hostPort).toBe(23_457);
    });

    it('finds new ports for what is new', () => {
      const again = plan({ mappings: [[mapping(), mapping(), mapping()]], present });
      const [first, second, third] = again.nodes[0]?.map(({ hostPort }) => hostPort) ?? [];
      expect([first, second]).toEqual([8080, 23_456]);
      expect(third).not.toBe(23_456);
    });
  });
});
