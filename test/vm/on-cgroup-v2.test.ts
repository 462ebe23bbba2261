/**
 * A server with cgroup v2 and a kernel with modules, as Debian installs it: the machines' limits and the pods' cgroups
 * are in the one tree, Services work although nobody has loaded br_netfilter, the cluster survives a reboot, and
 * deleting leaves nothing. Once with the host's systemd and once with the manager `direct`.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tracesOn } from '../e2e/support/bed/traces.ts';
import { busyboxArchive } from '../e2e/support/busybox.ts';
import { eventually } from '../e2e/support/eventually.ts';
import { deployment, service } from '../e2e/support/manifests.ts';
import { startVm } from './support/vm.ts';
import type { Vm } from './support/vm.ts';

const name = 'server';
const node = `${name}-control-plane`;
const unit = `systemd-nspawn@${node}.service`;
const groups = { systemd: `machine.slice/${unit}`, direct: `knest/${node}` } as const;
const config = {
  apiVersion: 'knest.dev/v1alpha1',
  kind: 'Cluster',
  name,
  nodes: [{ role: 'control-plane', resources: { cpus: 2, memory: '3Gi', tasks: 9000, ioWeight: 50 } }],
};
/** Where every instruction is translated, a heartbeat takes seconds, and what gives up after one only makes it worse. */
const unhurried = {
  components: {
    etcd: { extraArgs: { 'heartbeat-interval': '1000', 'election-timeout': '10000' } },
    kubelet: { config: { nodeStatusUpdateFrequency: '10s' } },
  },
};
const script = 'hostname > /tmp/index.html; exec httpd -f -p 80 -h /tmp';
const limits = { cpu: '500m', memory: '64Mi' };
const web = {
  apiVersion: 'v1',
  kind: 'List',
  items: [limited(deployment('web', 2, script)), service('web', 80)],
};

describe.skipIf(process.getuid?.() !== 0)('on a server with cgroup v2', () => {
  let vm: Vm;

  beforeAll(async () => {
    vm = await startVm({ 'busybox.tar': await busyboxArchive() });
    const settings = vm.slowness > 1 ? { ...config, ...unhurried } : config;
    await vm.ok(['tee', '/root/cluster.yaml'], { input: JSON.stringify(settings) });
    await vm.ok(['tee', '/root/web.json'], { input: JSON.stringify(web) });
  });
  afterAll(async () => {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- when it did not come up
    await vm?.stop();
  });

  const knest = (...args: string[]): Promise<string> => vm.ok(['knest', ...args]);
  const kubectl = (...args: string[]): Promise<string> => knest('kubectl', '--name', name, '--', ...args);
  const wait = (): string => `${5 * vm.slowness}m`;
  const soon = <T>(what: string, check: () => Promise<T>): Promise<T> =>
    eventually(what, check, 60_000 * vm.slowness);
  const read = (group: string, ...files: string[]): Promise<string> =>
    vm.ok(['sh', '-c', 'cd "/sys/fs/cgroup/$0" && cat "$@"', group, ...files]);
  /** Every pod is asked for by the Service, from each pod: one of the two is always on the other end of the bridge. */
  const expectAnswers = (): Promise<void> =>
    soon('pods call each other by the Service', async () => {
      const pods = (await kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n');
      expect(pods).toHaveLength(2);
      for (const pod of pods) {
        // not wget's own -T, with which Debian's busybox-static 1.35 crashes
        const calls = 'for i in 1 2 3 4 5 6; do timeout 60 wget -qO- http://web || exit 1; done | sort -u';
        const answers = await kubectl('exec', pod, '--', 'sh', '-c', calls);
        expect(answers.split('\n').map((one) => `pod/${one}`)).toEqual([...pods].sort());
      }
    });

  it('is such a server', async () => {
    expect(await vm.ok(['stat', '-fc', '%T', '/sys/fs/cgroup'])).toBe('cgroup2fs');
    expect(await vm.ok(['cat', '/proc/1/comm'])).toBe('systemd');
    expect((await vm.run(['test', '-e', '/proc/sys/net/bridge'])).exitCode).toBe(1);
    const checks = await knest('doctor');
    expect(checks).toContain('✓ cgroup v2 is mounted.');
    expect(checks).toContain('✓ The kernel has br_netfilter');
    process.stdout.write(
      `${await vm.ok(['sh', '-c', 'uname -sr; systemctl --version | head -1; cat /sys/kernel/security/lsm'])}\n`,
    );
  });

  describe.each(['systemd', 'direct'] as const)('run by the manager %s', (manager) => {
    let before: string[];

    it('has a node that becomes Ready', async () => {
      before = await tracesOn(vm);
      const flags = ['--manager', manager, '--wait', wait(), '--retain'];
      await knest('create', 'cluster', '--config', '/root/cluster.yaml', ...flags);
      expect(await kubectl('get', 'nodes')).toMatch(new RegExp(`^${node} +Ready`, 'm'));
    });

    it('has the limits that it was given', async () => {
      const files = ['cpu.max', 'memory.max', 'pids.max', 'io.weight'];
      expect(await read(groups[manager], ...files)).toBe(
        ['200000 100000', String(3 * 2 ** 30), '9000', 'default 50'].join('\n'),
      );
    });

    it('gives pods cgroups that its systemd has made', async () => {
      await knest('load', 'image-archive', '--name', name, '/opt/knest/busybox.tar');
      await kubectl('apply', '-f', '/root/web.json');
      await kubectl('rollout', 'status', 'deployment/web', `--timeout=${wait()}`);
      const list = ['systemctl', 'list-units', '--plain', '--no-legend', 'cri-containerd-*.scope'];
      const scopes = await knest('exec', node, '--', ...list);
      // a container and its sandbox each
      expect(scopes.split('\n')).toHaveLength(4);
      const group = groups[manager];
      const find = `find /sys/fs/cgroup/${group} -path '*/kubepods.slice/*.scope' -exec cat {}/memory.max ';'`;
      const found = (await vm.ok(['sh', '-c', find])).split('\n');
      expect(found.filter((limit) => limit === String(64 * 2 ** 20))).toHaveLength(2);
    });

    it('answers pods of the node by a Service', async () => {
      await expectAnswers();
      // bridges of the host itself stay as they were
      expect(await vm.ok(['cat', '/proc/sys/net/bridge/bridge-nf-call-iptables'])).toBe('0');
    });

    it.runIf(manager === 'systemd')('is known to the tools of the host', async () => {
      expect(await vm.ok(['machinectl', 'list', '--no-legend'])).toMatch(
        new RegExp(`^${node} +container +systemd-nspawn +debian`),
      );
      expect(await vm.ok(['systemctl', '-M', node, 'is-active', 'kubelet', 'etcd'])).toBe('active\nactive');
      expect(await vm.ok(['journalctl', '-M', node, '-u', 'kubelet', '-n', '1', '-q'])).toContain(node);
      const exit = ['systemd-run', '-M', node, '-q', '--pipe', '--wait', 'sh', '-c', 'exit 7'];
      expect(await vm.run(exit)).toMatchObject({ exitCode: 7 });
      await vm.ok(['systemctl', 'set-property', unit, 'MemoryMax=2560M', 'TasksMax=5000']);
      expect(await read(groups.systemd, 'memory.max', 'pids.max')).toBe(`${2560 * 2 ** 20}\n5000`);
    });

    it('is stopped and started', async () => {
      await knest('stop', 'cluster', '--name', name);
      expect(await knest('get', 'nodes', '--name', name)).toContain('stopped');
      await knest('start', 'cluster', '--name', name, '--wait', wait());
      await expectAnswers();
    });

    it('is there again after a reboot of the host', async () => {
      await vm.reboot();
      if (manager === 'direct') await knest('start', 'cluster', '--name', name, '--wait', wait());
      await expectAnswers();
    });

    it('is deleted and leaves nothing', async () => {
      await knest('delete', 'cluster', '--name', name);
      expect(await tracesOn(vm)).toEqual(before);
    });
  });

  describe('in a privileged container', () => {
    /** As container runtimes do it: another process 1, in a part of the cgroups that looks like all of them from inside. */
    const box = `
      cd /sys/fs/cgroup/system.slice/box.service
      mkdir runtime inside
      echo $$ > runtime/cgroup.procs
      for controller in $(cat cgroup.controllers); do echo +$controller > cgroup.subtree_control || true; done
      sh -c 'echo $$ > inside/cgroup.procs; cd /; exec unshare "$@"' sh --cgroup --mount --pid --fork --mount-proc -- \
        sh -c 'umount /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec sleep infinity' &
      until first=$(pgrep -P $! -x sleep); do sleep 1; done
      echo $! > runtime/cgroup.procs
      echo $first > /run/box.pid
      wait`;
    /** As docker exec does it: what has entered is in the container's cgroup, and who sent it is not. */
    const enter = `
      read first < /run/box.pid
      sh -ec '
        echo $$ > /sys/fs/cgroup/$(sed s/^0::// /proc/$0/cgroup)/cgroup.procs
        exec nsenter --all --target $0 sh -c "
          while grep -qx 0 /sys/fs/cgroup/\\$(sed s/^0::// /proc/self/cgroup)/cgroup.procs; do sleep 1; done
          exec \\"\\$@\\"" "$@"
      ' $first sh "$@" &
      for try in $(seq 100); do pgrep -P $! > /dev/null && break; sleep 0.2; done
      echo $! > /sys/fs/cgroup/system.slice/box.service/runtime/cgroup.procs
      wait $!`;
    const inBox = (...argv: string[]): Promise<string> => vm.ok(['sh', '-ec', enter, 'sh', ...argv]);

    it('has a node that becomes Ready', async () => {
      await vm.ok([
        'systemd-run',
        '--unit=box',
        '--property=Delegate=yes',
        '--expand-environment=no',
        'sh',
        '-ec',
        box,
      ]);
      await soon('the container runs', () => inBox('true'));
      expect(await inBox('cat', '/sys/fs/cgroup/cgroup.procs')).not.toBe('');
      const flags = ['--config', '/root/cluster.yaml', '--wait', wait(), '--retain'];
      await inBox('knest', 'create', 'cluster', ...flags);
      expect(await inBox('knest', 'kubectl', '--name', name, '--', 'get', 'nodes')).toMatch(
        new RegExp(`^${node} +Ready`, 'm'),
      );
      expect(await read(`system.slice/box.service/inside/${groups.direct}`, 'memory.max')).toBe(
        String(3 * 2 ** 30),
      );
    });

    it('is deleted', async () => {
      await inBox('knest', 'delete', 'cluster', '--name', name);
      expect(await inBox('ls', '/sys/fs/cgroup')).not.toContain('knest');
      await vm.ok(['systemctl', 'stop', 'box']);
    });
  });
});

function limited(object: ReturnType<typeof deployment>) {
  const { template, ...spec } = object.spec;
  const containers = template.spec.containers.map((container) => ({ ...container, resources: { limits } }));
  return { ...object, spec: { ...spec, template: { ...template, spec: { ...template.spec, containers } } } };
}
