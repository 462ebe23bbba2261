/** Ports of the host that lead into machines, with the real nft and iptables, in namespaces made for it. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCommands } from '../../../src/managers/commands.ts';
import type { PlannedPort } from '../../../src/plan/types.ts';
import { call, greetCallers, networkState, type CallOptions, type Namespace } from '../support/namespaces.ts';
import {
  allPrograms,
  inSubnet,
  missingPrograms,
  networkOptions,
  noFirewall,
  openVirtualNetwork,
  outsideAddress,
  plugIn,
  port,
  setUp,
  unplug,
  uplink,
  useIptablesOnly,
  type VirtualNetwork,
} from '../support/virtual-network.ts';

const missing = missingPrograms('ports-of-the-host');

const lead = (changes: Partial<PlannedPort> = {}): PlannedPort => ({
  ...{ protocol: 'tcp', listenAddress: undefined, hostPort: 8000, machinePort: port },
  ...changes,
});

const ports = [
  [
    lead({ hostPort: 8000 }),
    lead({ protocol: 'udp', hostPort: 8000 }),
    lead({ listenAddress: '127.0.0.1', hostPort: 8010 }),
    lead({ listenAddress: uplink[4], hostPort: 8020 }),
    lead({ listenAddress: uplink[6], hostPort: 8020 }),
  ],
  [lead({ hostPort: 8001 }), lead({ protocol: 'udp', hostPort: 8001 })],
];
const api = lead({ listenAddress: '127.0.0.1', hostPort: 8443 });

describe.skipIf(missing.length > 0)('ports of the host', { timeout: 60_000 }, () => {
  let network: VirtualNetwork;
  beforeEach(async () => {
    network = await openVirtualNetwork();
  });
  afterEach(() => network.close());

  const { nft, ...withoutNft } = allPrograms;
  describe.each([
    ['nftables', { ...withoutNft, nft }],
    ['iptables', withoutNft],
  ])('by %s', (name, programs) => {
    it.each([true, false])(
      'lead into machines from everywhere, and are gone afterwards (br_netfilter: %s)',
      async (onBridge) => {
        const options = networkOptions('dual', ports, api);
        const { host, outside, machines } = network;
        // each network namespace has settings of its own; without br_netfilter there are none
        for (const setting of ['iptables', 'ip6tables'])
          await runCommands(host.host, [
            {
              why: 'bridged packets pass the rules of IP, or not',
              argv: ['tee', `/proc/sys/net/bridge/bridge-nf-call-${setting}`],
              input: onBridge ? '1' : '0',
              mayFail: true,
            },
          ]);
        if (name === 'iptables') await useIptablesOnly(host);
        const before = await networkState(host);
        const commands = await setUp(network, options, { firewall: noFirewall, programs });
        await plugIn(network, options);
        const [first, second] = machines;
        const [bridge4 = '', bridge6 = ''] =
          options.machines[0]?.addresses.map(({ gateway }) => gateway) ?? [];
        const from = (namespace: Namespace) => (address: string, hostPort: number, more?: CallOptions) =>
          call(namespace, address, hostPort, more);
        const [here, away, inFirst, inSecond] = [
          from(host),
          from(outside),
          from(first),
          from(second),
        ] as const;

        for (const protocol of ['tcp', 'udp'] as const) {
          const by = { protocol };
          expect(await here('127.0.0.1', 8000, by), 'by loopback').toBe(`first: ${bridge4}`);
          expect(await here('127.0.0.1', 8001, by), 'by loopback').toBe(`second: ${bridge4}`);
          expect(await here(uplink[4], 8000, by), "by the host's own address").toBe(`first: ${uplink[4]}`);
          expect(await here(uplink[6], 8001, by), "by the host's own address").toBe(`second: ${uplink[6]}`);
          expect(await away(uplink[4], 8000, by), 'from outside').toBe(`first: ${outsideAddress[4]}`);
          expect(await away(uplink[6], 8001, by), 'from outside').toBe(`second: ${outsideAddress[6]}`);
          expect(await inSecond(uplink[4], 8000, by), 'from another machine').toBe(`first: ${bridge4}`);
          expect(await inFirst(uplink[4], 8000, by), 'from the machine itself').toBe(`first: ${bridge4}`);
          expect(await inFirst(uplink[6], 8000, by), 'from the machine itself').toBe(`first: ${bridge6}`);
          expect(await inFirst(bridge4, 8001, by), 'by the gateway').toBe(`second: ${bridge4}`);
          const pod = { protocol, localAddress: inSubnet(options.machines[0]?.podSubnets[0] ?? '', 5) };
          expect(await inFirst(uplink[4], 8001, pod), 'from a pod').toBe(`second: ${bridge4}`);
        }
        expect(await here('127.0.0.1', 8443), 'the API').toBe(`first: ${bridge4}`);
        expect(await here('127.0.0.1', 8010), 'loopback only').toBe(`first: ${bridge4}`);
        expect(await here(uplink[4], 8010), 'loopback only').toBe('no answer');
        expect(await away(uplink[4], 8010), 'loopback only').toBe('no answer');
        expect(await here(uplink[4], 8020), 'one address only').toBe(`first: ${uplink[4]}`);
        expect(await away(uplink[6], 8020), 'one address only').toBe(`first: ${outsideAddress[6]}`);
        expect(await here('127.0.0.1', 8020), 'one address only').toBe('no answer');
        expect(await here('::1', 8000), 'IPv6 loopback').toBe('no answer');

        await unplug(network);
        await runCommands(host.host, commands.teardown);
        expect(await networkState(host)).toEqual(before);
      },
    );

    it("do not open the host's loopback to machines or neighbours", async () => {
      const options = networkOptions('ipv4', ports, api);
      const { host, outside, machines } = network;
      if (name === 'iptables') await useIptablesOnly(host);
      await greetCallers(host, 9000, 'host: ');
      await setUp(network, options, { firewall: noFirewall, programs });
      await plugIn(network, options);
      // both send packets for 127.0.0.1 to the host by their link
      for (const [neighbour, via] of [
        [machines[0], options.machines[0]?.addresses[0]?.gateway ?? ''],
        [outside, uplink[4]],
      ] as const) {
        const link = neighbour === outside ? 'lan' : 'host0';
        const lines = ['address del 127.0.0.1/8 dev lo', `route add 127.0.0.0/8 via ${via} dev ${link}`];
        await neighbour.host.run(['tee', `/proc/sys/net/ipv4/conf/${link}/route_localnet`], { input: '1\n' });
        await neighbour.host.run(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
        const localAddress = neighbour === outside ? outsideAddress[4] : '10.89.0.2';
        for (const loopbackPort of [9000, 8010, 8000])
          expect(
            await call(neighbour, '127.0.0.1', loopbackPort, { localAddress }),
            `${link} to 127.0.0.1:${loopbackPort}`,
          ).toBe('no answer');
      }
      expect(await call(host, '127.0.0.1', 9000), 'the host itself').toBe('host: 127.0.0.1');
      expect(await call(host, '127.0.0.1', 8010), 'the host itself').toContain('first');
    });
  });
});
