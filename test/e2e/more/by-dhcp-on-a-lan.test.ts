/** Nodes that get their addresses from the DHCP server of the LAN that the host is on, and follow it to others. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startBed } from '../support/bed/bed.ts';
import type { Bed, BedSuite } from '../support/bed/bed.ts';
import { startDhcpServer, type DhcpServer } from '../support/bed/dhcp-server.ts';
import { tracesOn } from '../support/bed/traces.ts';
import { eventually } from '../support/eventually.ts';

const name = 'leased';
const controlPlane = `${name}-control-plane`;
const worker = `${name}-worker`;
const pool = /^192[.]168[.]55[.]1[01]\d$/;
const otherPool = /^192[.]168[.]55[.]15\d$/;

describe.skipIf(process.getuid?.() !== 0).each<BedSuite>(['trixie'])(
  'a cluster with addresses by DHCP on the LAN of a %s host',
  (suite) => {
    let bed: Bed;
    let before: string[];
    let server: DhcpServer | undefined;
    let first: Record<string, string>;

    beforeAll(async () => {
      bed = await startBed({ suite });
      before = await tracesOn(bed);
    });
    afterAll(async () => {
      await server?.stop();
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- when it did not come up
      await bed?.stop();
    });

    const knest = (...args: string[]): Promise<string> => bed.ok(['knest', ...args]);
    const kubectl = (...args: string[]): Promise<string> => knest('kubectl', '--name', name, '--', ...args);
    const create = [
      'create',
      'cluster',
      '--name',
      name,
      '--nodes',
      '2',
      '--network',
      'macvlan:eno1',
      '--dhcp',
    ];

    it('says so when nobody on the LAN gives addresses, and leaves nothing', async () => {
      expect(await bed.run(['knest', ...create])).toMatchObject({
        stderr: expect.stringMatching(/no DHCP server on the LAN of eno1 gave leased-\S+ [(]02:/) as string,
      });
      expect(await tracesOn(bed)).toEqual(before);
    });

    it('is planned without asking anybody, with the MAC addresses that it is going to have', async () => {
      server = await startDhcpServer(bed, '192.168.55.100', '192.168.55.119');
      const { stdout, stderr } = await bed.run(['knest', 'plan', ...create.slice(1), '-o', 'json']);
      expect(stderr).toContain('192.0.2.0/24 is an example');
      const { machines } = JSON.parse(stdout) as { machines: { name: string; lan: { mac: string } }[] };
      expect(new Set(machines.map(({ lan }) => lan.mac)).size).toBe(2);
    });

    it('is Ready at addresses that the server gave', async () => {
      await knest(...create);
      first = await addresses();
      expect(Object.keys(first)).toEqual([controlPlane, worker]);
      for (const address of Object.values(first)) expect(address).toMatch(pool);
      await expectReachable();
      await expectPodsMeet();
    });

    it('keeps them, by renewing, and after a reboot of the host', async () => {
      await bed.reboot();
      await eventually(
        'nodes are Ready again',
        async () => {
          expect(await addresses()).toEqual(first);
        },
        180_000,
      );
      await expectReachable();
      // Node objects say Ready from before the reboot, until somebody has looked again
      await eventually(
        'status says that all is well',
        async () => {
          expect(await knest('status', 'cluster', '--name', name)).toContain(
            'DHCP gives it the address that it was made for',
          );
        },
        120_000,
      );
      const lease = await bed.ok(['knest', 'exec', worker, '--', 'networkctl', 'status', 'host0']);
      expect(lease).toMatch(/DHCP4? via 192[.]168[.]55[.]1|[(]DHCPv?4/);
    });

    it('says loudly that it does not work when the server gives others', async () => {
      await server?.stop();
      server = await startDhcpServer(bed, '192.168.55.150', '192.168.55.159');
      // as a host that was off while the router was replaced
      await bed.reboot();
      await eventually(
        'status says what is wrong',
        async () => {
          const { stdout } = await bed.run(['knest', 'status', 'cluster', '--name', name]);
          for (const node of [controlPlane, worker]) {
            const said = `this node was made for ${first[node]}, and DHCP gives it 192.168.55.15`;
            expect(stdout).toContain(said);
          }
          expect(stdout).toContain(`knest restart cluster --name ${name}`);
        },
        180_000,
      );
      const journal = await bed.ok([
        'journalctl',
        '-M',
        worker,
        '-u',
        'knest-lease',
        '-p',
        'err',
        '-o',
        'cat',
      ]);
      expect(journal).toContain('and DHCP gives it');
    });

    it('goes on at the new ones after knest start cluster, without a reboot', async () => {
      await knest('start', 'cluster', '--name', name);
      await expectMovedTo(otherPool);
    });

    it('goes on at the ones after those after knest restart cluster', async () => {
      await server?.stop();
      server = await startDhcpServer(bed, '192.168.55.100', '192.168.55.119');
      await knest('restart', 'cluster', '--name', name);
      await expectMovedTo(pool);
    });

    it('takes a node more', async () => {
      await knest('add', 'node', '--name', name);
      const now = await addresses();
      expect(Object.keys(now)).toHaveLength(3);
      for (const address of Object.values(now)) expect(address).toMatch(pool);
      expect(new Set(Object.values(now)).size).toBe(3);
    });

    it('is deleted and leaves nothing', async () => {
      await knest('delete', 'cluster', '--name', name);
      expect(await tracesOn(bed)).toEqual(before);
    });

    /** Of nodes that are Ready; fails when one is not. */
    async function addresses(): Promise<Record<string, string>> {
      const list = await kubectl('get', 'nodes', '-o', 'wide', '--no-headers');
      const rows = list.split('\n').map((line) => line.split(/ +/));
      expect(rows.map(([, status]) => status)).toEqual(rows.map(() => 'Ready'));
      return Object.fromEntries(rows.map(([node = '', , , , , address = '']) => [node, address]));
    }

    async function expectMovedTo(range: RegExp): Promise<void> {
      await eventually('nodes have the new addresses', async () => {
        for (const address of Object.values(await addresses())) expect(address).toMatch(range);
      });
      await expectReachable();
      await expectPodsMeet();
      // the user's own kubeconfig, and certificates for the new address
      await bed.ok(['sh', '-c', 'test "$(grep -c 192.168.55 ~/.kube/config)" = 1']);
      const { [controlPlane]: address = '' } = await addresses();
      const asked = await bed.lan([
        'curl',
        '-sv',
        '-k',
        '--max-time',
        '3',
        `https://${address}:6443/version`,
      ]);
      expect(asked.stdout).toContain('gitVersion');
      expect(await bed.ok(['sh', '-c', 'grep server: ~/.kube/config'])).toContain(address);
      expect(await bed.ok(['cat', `/var/lib/knest/clusters/${name}/kubeconfig`])).toContain(address);
      const etcd = await bed.ok(['knest', 'status', 'cluster', '--name', name]);
      expect(etcd).toContain('1 of 1 members are well');
    }

    /** A third party on the LAN reaches API and kubelets; each node has a MAC address of its own. */
    async function expectReachable(): Promise<void> {
      const now = await addresses();
      const ask = (url: string) => bed.lan(['curl', '-sk', '--max-time', '3', url]);
      await eventually('the API answers on the LAN', async () => {
        expect((await ask(`https://${now[controlPlane]}:6443/version`)).stdout).toContain('gitVersion');
      });
      for (const address of Object.values(now))
        expect((await ask(`https://${address}:10250/pods`)).stdout).toContain('Unauthorized');
      const { stdout } = await bed.lan(['ip', '-j', 'neigh', 'show', 'dev', 'lan0']);
      const known = JSON.parse(stdout) as { dst: string; lladdr?: string }[];
      // the host itself is found where it was, and not behind the link that it has to its nodes
      await bed.lan(['ping', '-c', '1', '-W', '2', '192.168.55.2']);
      const macs = ['192.168.55.2', ...Object.values(now)].map(
        (address) => known.find(({ dst }) => dst === address)?.lladdr,
      );
      expect(macs.slice(1)).not.toContain(undefined);
      expect(new Set(macs).size).toBe(macs.length);
    }

    /** The DNS of the cluster, on the control plane, answers the worker: routes between nodes and to Services work. */
    async function expectPodsMeet(): Promise<void> {
      await eventually('the worker reaches a Service', async () => {
        const service = await kubectl('get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}');
        const { stdout } = await bed.run([
          ...['knest', 'exec', worker, '--'],
          ...['curl', '-sk', '--max-time', '3', `https://${service}/version`],
        ]);
        expect(stdout).toContain('gitVersion');
      });
    }
  },
);
