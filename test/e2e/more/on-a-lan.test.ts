/** Network mode macvlan: nodes are hosts of the LAN that the server is on, seen by a third party on that LAN. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startBed } from '../support/bed/bed.ts';
import type { Bed, BedSuite } from '../support/bed/bed.ts';
import { tracesOn } from '../support/bed/traces.ts';
import { eventually } from '../support/eventually.ts';

const name = 'lan';
const nodes = { [`${name}-control-plane`]: '192.168.55.34', [`${name}-worker`]: '192.168.55.35' };
const api = '192.168.55.46';
/** Beside the part of the LAN that the nodes are in. */
const balancer = '192.168.55.200';
const config = JSON.stringify({
  apiVersion: 'knest.dev/v1alpha1',
  kind: 'Cluster',
  network: { loadBalancer: { addresses: [`${balancer}-192.168.55.209`] } },
});
/** Leads to the API: no pod is needed. */
const service = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'lan' },
      spec: { type: 'LoadBalancer', ports: [{ port: 443, targetPort: 6443 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'lan' },
      subsets: [{ addresses: [{ ip: nodes[`${name}-control-plane`] }], ports: [{ port: 6443 }] }],
    },
  ],
};

describe.skipIf(process.getuid?.() !== 0).each<BedSuite>(['bookworm', 'trixie'])(
  'a cluster on the LAN of a %s host',
  (suite) => {
    let bed: Bed;
    let before: string[];

    beforeAll(async () => {
      bed = await startBed({ suite });
      before = await tracesOn(bed);
    });
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- when it did not come up
    afterAll(() => bed?.stop());

    const knest = (...args: string[]): Promise<string> => bed.ok(['knest', ...args]);
    const create = (...args: string[]): string[] => [
      ...['knest', 'create', 'cluster', '--name', name, '--nodes', '2', '--network'],
      ...args,
    ];

    it('wants to know which addresses it may use, and a link that is there', async () => {
      const without = await bed.run(create('macvlan:eno1'));
      expect(without).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('of 192.168.55.0/24') as string,
      });
      const elsewhere = await bed.run(create('macvlan:eno7', '--node-subnet', '192.168.55.32/28'));
      expect(elsewhere).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('no link eno7') as string,
      });
    });

    it('is Ready at addresses of the LAN', async () => {
      const own = ['--node-subnet', '192.168.55.32/28', '--gateway', '192.168.55.1'];
      await bed.ok(create('macvlan:eno1', ...own, '--config', '-'), { input: config });
      await expectReady();
    });

    it('is reached by others on the LAN, each node under a MAC address of its own', async () => {
      await expectReachable();
    });

    it('has Services that others on the LAN reach, also after the node that answered has gone', async () => {
      const kubectl = ['knest', 'kubectl', '--name', name, '--'];
      await bed.ok([...kubectl, 'apply', '-f', '-'], { input: JSON.stringify(service) });
      await eventually('it has an address', async () => {
        expect(await bed.ok([...kubectl, 'get', 'service', 'lan'])).toContain(` ${balancer} `);
      });
      await expectBalanced();
      const before = await macOf(balancer);
      expect(before).toBe(await macOf(nodes[`${name}-worker`]));
      await knest('stop', 'node', `${name}-worker`);
      await expectBalanced();
      expect(await macOf(balancer)).toBe(await macOf(nodes[`${name}-control-plane`]));
      await knest('start', 'node', `${name}-worker`);
    });

    it('is there again after a reboot of the host', async () => {
      await bed.reboot();
      await eventually('nodes are Ready again', expectReady, 120_000);
      await expectReachable();
      await expectBalanced();
    });

    it('is deleted and leaves nothing', async () => {
      await knest('delete', 'cluster', '--name', name);
      expect(await tracesOn(bed)).toEqual(before);
    });

    async function expectReady(): Promise<void> {
      const list = await knest('kubectl', '--name', name, '--', 'get', 'nodes', '-o', 'wide', '--no-headers');
      for (const [node, address] of Object.entries(nodes))
        expect(list).toMatch(new RegExp(`^${node} +Ready .* ${address} `, 'm'));
    }

    /** By a third party, and by the host itself. */
    async function expectBalanced(): Promise<void> {
      const ask = ['curl', '-sk', '--max-time', '2', `https://${balancer}/version`];
      await eventually('the Service answers on the LAN', async () => {
        expect((await bed.lan(ask)).stdout).toContain('gitVersion');
      });
      await eventually('the Service answers the host', async () => {
        expect((await bed.run(ask)).stdout).toContain('gitVersion');
      });
    }

    /** As a third party sees it. */
    async function macOf(address = ''): Promise<string | undefined> {
      await bed.lan(['curl', '-sk', '--max-time', '2', `https://${address}:10250/`]);
      const { stdout } = await bed.lan(['ip', '-j', 'neigh', 'show', 'dev', 'lan0']);
      const known = JSON.parse(stdout) as { dst: string; lladdr?: string }[];
      return known.find(({ dst }) => dst === address)?.lladdr;
    }

    async function expectReachable(): Promise<void> {
      const ask = (url: string) => bed.lan(['curl', '-sk', '--max-time', '3', url]);
      await eventually('the API answers on the LAN', async () => {
        expect((await ask(`https://${api}:6443/version`)).stdout).toContain('gitVersion');
      });
      // a kubelet lets nobody in, and says so
      for (const address of Object.values(nodes))
        expect((await ask(`https://${address}:10250/pods`)).stdout).toContain('Unauthorized');
      const { stdout } = await bed.lan(['ip', '-j', 'neigh', 'show', 'dev', 'lan0']);
      const known = JSON.parse(stdout) as { dst: string; lladdr?: string }[];
      const macs = ['192.168.55.2', ...Object.values(nodes)].map(
        (address) => known.find(({ dst }) => dst === address)?.lladdr,
      );
      expect(macs.slice(1)).not.toContain(undefined);
      expect(new Set(macs).size).toBe(3);
    }
  },
);
