/** A server as Fedora and others install it: firewalld rejects what it does not know, and NetworkManager takes links. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startBed } from '../support/bed/bed.ts';
import type { Bed } from '../support/bed/bed.ts';
import { tracesOn } from '../support/bed/traces.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { daemonSet } from '../support/manifests.ts';

const name = 'walled';
const archive = '/opt/busybox.tar';
const bridge = `kn-${name}`;
const hostPort = 8088;
const nodePort = 30_088;
const config = {
  ...{ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name },
  nodes: [
    { role: 'control-plane', taints: [], extraPortMappings: [{ containerPort: nodePort, hostPort }] },
    { role: 'worker' },
  ],
};
const service = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
  spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, nodePort }] },
};
const web = {
  ...{ apiVersion: 'v1', kind: 'List' },
  items: [daemonSet('web', 'hostname > /tmp/index.html; exec httpd -f -p 80 -h /tmp'), service],
};

describe.skipIf(process.getuid?.() !== 0)('beside firewalld and NetworkManager', () => {
  let bed: Bed;
  let before: string[];

  beforeAll(async () => {
    const packages = ['firewalld', 'network-manager'];
    bed = await startBed({ suite: 'trixie', packages, share: { [archive]: await busyboxArchive() } });
    const others = '[keyfile]\nunmanaged-devices=interface-name:eno1\n';
    await bed.ok(['tee', '/etc/NetworkManager/conf.d/00-networkd.conf'], { input: others });
    await bed.ok(['systemctl', 'restart', 'NetworkManager']);
    expect(await bed.ok(['systemctl', 'is-active', 'firewalld', 'NetworkManager'])).toBe('active\nactive');
    before = await traces();
  }, 600_000);
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- when it did not come up
  afterAll(() => bed?.stop());

  /** Chains of a zone are firewalld's own: it makes them with the first link and keeps them, empty. */
  const traces = async (): Promise<string[]> =>
    (await tracesOn(bed)).filter((line) => !/_trusted(_\w+)?( \{)?$/.test(line));
  const knest = (...args: string[]): Promise<string> => bed.ok(['knest', ...args]);
  const kubectl = (...args: string[]): Promise<string> => knest('kubectl', '--name', name, '--', ...args);

  /** Pods each other across nodes and the outside, the host them, and the LAN them by a port of the host. */
  const expectConnected = (): Promise<void> =>
    eventually(
      'everybody reaches the pods',
      async () => {
        // asked each time: they get other addresses after a reboot
        const columns =
          'jsonpath={range .items[?(@.status.podIP)]}{.metadata.name} {.status.podIP}{"\\n"}{end}';
        const lines = (await kubectl('get', 'pods', '-l', 'app=web', '-o', columns)).split('\n');
        const pods = lines.map((line) => line.split(' '));
        expect(pods).toHaveLength(2);
        const [first = '', second = ''] = pods.map(([pod = '']) => pod);
        const inFirst = (...argv: string[]): Promise<string> => kubectl('exec', first, '--', ...argv);
        for (const [pod, address] of pods) {
          expect(await inFirst('timeout', '5', 'wget', '-qO-', `http://${address}`)).toBe(pod);
          expect(await bed.ok(['curl', '-sf', '--max-time', '3', `http://${address}`])).toBe(pod);
        }
        await inFirst('ping', '-c', '1', '-W', '2', '192.168.55.1');
        const curl = ['curl', '-sf', '--max-time', '3', `http://192.168.55.2:${hostPort}`];
        expect([first, second]).toContain((await bed.lan(curl)).stdout);
      },
      120_000,
    );

  it('works with both of them running', async () => {
    await bed.ok(['tee', '/root/cluster.yaml'], { input: JSON.stringify(config) });
    await knest('create', 'cluster', '--config', '/root/cluster.yaml');
    await bed.ok(['rm', '/root/cluster.yaml']);
    await knest('load', 'image-archive', archive, '--name', name);
    await bed.ok(['knest', 'kubectl', '--name', name, '--', 'apply', '-f', '-'], {
      input: JSON.stringify(web),
    });
    await expectConnected();
  });

  it('is let through by firewalld, also when that reads its files again', async () => {
    const zone = ['firewall-cmd', '--zone=trusted', '--list-interfaces'];
    expect(await bed.ok(zone)).toBe(bridge);
    await bed.ok(['firewall-cmd', '--reload']);
    expect(await bed.ok(zone)).toBe(bridge);
    await expectConnected();
  });

  it('is left alone by NetworkManager', async () => {
    const states = await bed.ok(['nmcli', '--terse', '--fields', 'device,state', 'device']);
    // the names of links to machines are cut, and end in a hash
    const links = [bridge, `vb-${name}-control-plane`, `vb-${name}-worker`].map((link) => link.slice(0, 11));
    for (const link of links) {
      const found = states.split('\n').filter((line) => line.startsWith(link));
      expect(found, states).toHaveLength(1);
      expect(found[0]).toMatch(/:unmanaged$/);
    }
  });

  it('is there again after a reboot of the host', async () => {
    await bed.reboot();
    await expectConnected();
  });

  it('is deleted and leaves nothing', async () => {
    await knest('delete', 'cluster', '--name', name);
    expect(await traces()).toEqual(before);
  });
});
