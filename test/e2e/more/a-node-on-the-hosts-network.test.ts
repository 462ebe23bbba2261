/**
 * Network mode host: one node that shares the network of its host. The host is played: for the manager systemd by a test
 * bed, for the manager direct by a network namespace, so that nothing is done to the network of this machine.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect, networkState, openNamespace } from '../support/namespaces.ts';
import type { Namespace } from '../support/namespaces.ts';
import { startBed } from '../support/bed/bed.ts';
import type { Bed, BedSuite } from '../support/bed/bed.ts';
import { expectInRegistry, pushTo } from '../support/bed/registry.ts';
import { tracesOn } from '../support/bed/traces.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { succeeded } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { pod, service } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'shared';
const node = `${name}-control-plane`;
const archive = '/opt/busybox.tar';
const hostPort = 8088;

/** A web server, also at a port of the node itself. */
const web = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    pod('web', 'mkdir /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www', {
      ports: [{ containerPort: 8080, hostPort }],
    }),
    service('web', 8080),
  ],
};

/** Rules in a table that kube-proxy uses as well, of somebody else. */
const othersRules = [
  ['iptables', '-t', 'nat', '-N', 'DOCKER'],
  ['iptables', '-t', 'nat', '-A', 'PREROUTING', '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'DOCKER'],
];

type Knest = (args: readonly string[], input?: string) => Promise<string>;

async function startWeb(knest: Knest, images: string): Promise<void> {
  await knest(['load', 'image-archive', images, '--name', name]);
  await knest(['kubectl', '--name', name, '--', 'apply', '-f', '-'], JSON.stringify(web));
}

/** By NodePort and host port from elsewhere, by the cluster's DNS from inside. @param fetch from another host */
async function expectConnected(knest: Knest, address: string, fetch: (url: string) => Promise<string>) {
  const kubectl = (...args: string[]) => knest(['kubectl', '--name', name, '--', ...args]);
  const nodePort = await eventually(
    'the API answers',
    () => kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}'),
    120_000,
  );
  for (const port of [nodePort, hostPort]) {
    const url = `http://${address}:${port}/`;
    await eventually(
      `another host reaches ${url}`,
      async () => {
        expect(await fetch(url)).toBe('hello');
      },
      90_000,
    );
  }
  await eventually('the pod finds a Service by its name', async () => {
    const url = 'http://web.default.svc.cluster.local/';
    expect(await kubectl('exec', 'web', '--', 'timeout', '5', 'wget', '-qO-', url)).toBe('hello');
  });
  // under the address of the host: nobody out there knows the way to a pod
  await eventually('the pod reaches the outside', () =>
    kubectl('exec', 'web', '--', 'ping', '-c', '1', '-W', '2', address.replace(/[.]\d+$/, '.1')),
  );
}

describe.skipIf(process.getuid?.() !== 0).each<BedSuite>(['trixie'])(
  'a node on the network of a %s host',
  (suite) => {
    let bed: Bed;
    let before: string[];
    const address = '192.168.55.2';

    beforeAll(async () => {
      bed = await startBed({ suite, share: { [archive]: await busyboxArchive() } });
      for (const rule of othersRules) await bed.ok(rule);
      before = await tracesOn(bed);
    });
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- when it did not come up
    afterAll(() => bed?.stop());

    const knest: Knest = (args, stdin) =>
      bed.ok(['knest', ...args], { ...(stdin === undefined ? {} : { input: stdin }) });
    const config = {
      ...{ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name },
      ...{ network: { mode: 'host' }, registry: true },
    };
    const create = ['create', 'cluster', '--config', '-'];
    const input = JSON.stringify(config);
    const fetch = async (url: string) => (await bed.lan(['curl', '-sf', '--max-time', '3', url])).stdout;
    const rules = () => bed.ok(['nft', '-s', 'list', 'ruleset']);

    it('is not made where somebody has one of its ports', async () => {
      const listen = "require('node:net').createServer().listen(2379, '127.0.0.1')";
      await bed.ok(['systemd-run', '-q', '--unit=other', '/usr/local/bin/node', '-e', listen]);
      await eventually('the port is taken', () => bed.ok(['sh', '-c', 'ss -lnt | grep -q :2379']));
      expect(await bed.run(['knest', ...create], { input })).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('port 2379 of this host is taken, and etcd needs it') as string,
      });
      await bed.ok(['systemctl', 'stop', 'other']);
      expect(await tracesOn(bed)).toEqual(before);
    });

    it('has the address of the host, and serves it to the LAN', async () => {
      await knest(create, input);
      const nodes = ['kubectl', '--name', name, '--', 'get', 'nodes', '-o', 'wide', '--no-headers'];
      expect(await knest(nodes)).toMatch(new RegExp(`^${node} +Ready .* ${address} `));
      await startWeb(knest, archive);
      await expectConnected(knest, address, fetch);
    });

    it('has a registry on the host', async () => {
      await expectInRegistry(bed, await pushTo(bed));
    });

    it('is the only one', async () => {
      const second = ['knest', 'create', 'cluster', '--name', 'second', '--network', 'host'];
      const taken = `the cluster "${name}" shares the network of this host already`;
      expect(await bed.run(second)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining(taken) as string,
      });
      expect(await bed.run(['knest', 'add', 'node', '--name', name])).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('only one can share the network of the host') as string,
      });
    });

    it('leaves no rules while it is stopped, and has them again', async () => {
      expect(await rules()).toContain('KUBE-SERVICES');
      await knest(['stop', 'cluster', '--name', name]);
      expect(await rules()).not.toMatch(/KUBE|CNI/);
      expect(await rules()).toContain('DOCKER');
      await knest(['start', 'cluster', '--name', name]);
      await expectConnected(knest, address, fetch);
      await bed.ok(['machinectl', 'poweroff', node]);
      await eventually('a poweroff leaves none either', async () => {
        expect(await rules()).not.toMatch(/KUBE|CNI/);
      });
      await bed.ok(['machinectl', 'start', node]);
      await expectConnected(knest, address, fetch);
    });

    it("leaves others' rules alone when it is deleted, and nothing else", async () => {
      await knest(['delete', 'cluster', '--name', name]);
      expect(await tracesOn(bed)).toEqual(before);
    });

    it('is there again after a reboot of the host', async () => {
      // the administrator's rules do not outlive a reboot
      await bed.ok(['nft', 'flush', 'ruleset']);
      await knest(create, input);
      await startWeb(knest, archive);
      await bed.reboot();
      await expectConnected(knest, address, fetch);
      await knest(['delete', 'cluster', '--name', name]);
      expect(await rules()).toBe('');
    });
  },
);

describeScenario('a node on the network of a host without systemd', { story: true }, (scenario) => {
  let host: Namespace;
  let neighbour: Namespace;
  let before: unknown;
  const address = '10.99.0.2';

  beforeAll(async () => {
    [host, neighbour] = [await openNamespace(), await openNamespace()];
    await connect(host, neighbour, {
      ...{ from: 'eth0', to: 'eth0' },
      ...{ fromAddress: `${address}/24`, toAddress: '10.99.0.1/24' },
    });
    await host.host.run(['ip', 'route', 'add', 'default', 'via', '10.99.0.1']);
    for (const rule of othersRules) await host.host.run(rule);
    before = await stateOfHost();
  });
  afterAll(async () => {
    await scenario.knest(['delete', 'clusters', '--all'], through());
    await neighbour.close();
    await host.close();
  });

  const through = () => ({ through: ['nsenter', `--net=/proc/${host.pid}/ns/net`, '--'] });
  const knest: Knest = async (args, input) =>
    succeeded(
      ['knest', ...args],
      await scenario.knest(args, { ...through(), ...(input === undefined ? {} : { input }) }),
    ).stdout;
  // kernel settings are given back with the last cluster of this machine, and there may be others
  const stateOfHost = () => networkState(host);
  const fetch = async (url: string) => {
    const curl = ['curl', '-s', '--noproxy', '*', '--max-time', '3', url];
    return (await neighbour.host.run(curl, { okExitCodes: 'any' })).stdout;
  };

  it('serves its neighbours', async () => {
    await knest(['create', 'cluster', '--name', name, '--network', 'host', '--manager', 'direct']);
    await startWeb(knest, await busyboxArchive());
    await expectConnected(knest, address, fetch);
  });

  it('leaves nothing, and the rules of others alone', async () => {
    await knest(['delete', 'cluster', '--name', name]);
    expect(await stateOfHost()).toEqual(before);
  });
});
