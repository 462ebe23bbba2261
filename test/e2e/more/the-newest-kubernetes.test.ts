/**
 * What current workloads expect, tried in pods of whatever Kubernetes there is. KNEST_E2E_KUBERNETES names directories of its
 * binaries, separated by ":"; KNEST_E2E_SUITE the Debian suite of the nodes and KNEST_E2E_MIRROR its mirror. What a version, a runtime or this host does not
 * have is skipped, and says why.
 */

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

import type { TestContext } from 'vitest';
import { expect, it } from 'vitest';

import { busyboxArchive, busyboxImage } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { pod } from '../support/manifests.ts';
import { runtimeOptions } from '../support/runtime-options.ts';
import { describeScenario } from '../support/scenario.ts';

const directories = (process.env['KNEST_E2E_KUBERNETES'] ?? '').split(':').filter(Boolean);
const suite = process.env['KNEST_E2E_SUITE'];
const mirror = process.env['KNEST_E2E_MIRROR'];
const name = 'e2e-newest';
const node = `${name}-control-plane`;
const wait = 'exec sleep 1000000';

if (directories.length === 0) {
  const how = 'KNEST_E2E_KUBERNETES names no directory of Kubernetes binaries';
  console.warn(`SKIPPED: "the newest Kubernetes": ${how}`);
  it.skip(`the newest Kubernetes: ${how}`, () => undefined);
}

interface NodeObject {
  status: {
    capacity: Record<string, string>;
    nodeInfo: { kubeletVersion: string; containerRuntimeVersion: string };
    runtimeHandlers?: { name?: string; features?: { userNamespaces?: boolean } }[];
  };
}

/** A profile that lets everything through but mkdir, for which there is an error of its own. */
const profile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 122 }],
};

for (const directory of directories) {
  describeScenario(`the Kubernetes in ${basename(directory)}`, { story: false }, (scenario) => {
    let minor = 0;
    let seen: NodeObject['status'] | undefined;
    const kubectl = (...args: string[]) => scenario.kubectl(name, args);
    const apply = (object: object) =>
      scenario.kubectl(name, ['apply', '-f', '-'], { input: JSON.stringify(object) });
    const ready = (one: string) => kubectl('wait', '--for=condition=Ready', `pod/${one}`, '--timeout=90s');
    const inPod = (one: string, script: string) => kubectl('exec', one, '--', 'sh', '-c', script);
    const inNode = (...argv: string[]) => scenario.ok(['exec', node, '--', ...argv]);
    const status = () => {
      if (!seen) throw new Error('the cluster was not made');
      return seen;
    };
    const needs = (context: TestContext, oldest: number, what: string) => {
      if (minor < oldest)
        context.skip(`${what}: since v1.${oldest}, this is ${status().nodeInfo.kubeletVersion}`);
    };
    const containerd = () =>
      Number(/^containerd:\/\/v?(\d+\.\d+)/.exec(status().nodeInfo.containerRuntimeVersion)?.[1] ?? 0);
    const onCgroupV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');

    it('create', async () => {
      await mkdir(`${scenario.folder}/profiles`);
      await writeFile(`${scenario.folder}/profiles/no-mkdir.json`, JSON.stringify(profile));
      const config = {
        ...{ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name, source: directory },
        ...(suite ? { suite } : {}),
        ...(mirror ? { mirror } : {}),
        image: { packages: ['apparmor', 'crun'] },
        images: [await busyboxArchive()],
        runtimes: [{ name: 'crun', path: '/usr/bin/crun' }],
        nodes: [
          {
            role: 'control-plane',
            devices: ['/dev/kvm'],
            extraMounts: [
              { hostPath: `${scenario.folder}/profiles`, containerPath: '/var/lib/kubelet/seccomp' },
            ],
          },
        ],
      };
      await writeFile(`${scenario.folder}/cluster.yaml`, JSON.stringify(config));
      await scenario.ok(['create', 'cluster', '--config', `${scenario.folder}/cluster.yaml`], {
        timeout: 30 * 60_000,
      });
      const object = JSON.parse(await kubectl('get', 'node', node, '-o', 'json')) as NodeObject;
      seen = object.status;
      minor = Number(/^v1\.(\d+)/.exec(seen.nodeInfo.kubeletVersion)?.[1]);
      console.warn(`${seen.nodeInfo.kubeletVersion}, ${seen.nodeInfo.containerRuntimeVersion}`);
      expect(await inNode('systemctl', '--failed', '--no-legend', '--plain')).toBe('');
    });

    it('bpffs, tracing and loop devices in a privileged pod', async () => {
      const volumes = ['/sys/fs/bpf', '/sys/kernel/tracing', '/lib/modules'].map((path) => ({
        name: basename(path),
        hostPath: { path },
      }));
      await apply(pod('root', wait, { securityContext: { privileged: true } }, volumes));
      await ready('root');
      await inPod('root', 'mkdir /volumes/bpf/here');
      expect(existsSync('/sys/fs/bpf/here')).toBe(false);
      expect(await inPod('root', 'ls /volumes/tracing')).toContain('available_events');
      if (existsSync('/dev/loop-control')) expect(await inPod('root', 'losetup -f')).toMatch(/^\/dev\/loop/);
      if (existsSync('/dev/kvm')) await inPod('root', 'test -c /dev/kvm');
    });

    it('a static pod', async () => {
      const manifest = JSON.stringify(pod('static', wait));
      await scenario.ok(['exec', node, '--', 'sh', '-c', 'cat > /etc/kubernetes/manifests/static.json'], {
        input: manifest,
      });
      await eventually('the static pod is Ready', () => ready(`static-${node}`), 60_000);
    });

    it('a user namespace (hostUsers: false)', async (context) => {
      needs(context, 33, 'on by default');
      const handler = status().runtimeHandlers?.find((one) => one.name === 'runc');
      if (!handler?.features?.userNamespaces)
        context.skip(
          `runc with ${status().nodeInfo.containerRuntimeVersion} has no user namespaces for pods: containerd 2.0 and runc 1.2`,
        );
      const plain = pod('own-users', wait);
      await apply({ ...plain, spec: { ...plain.spec, hostUsers: false } });
      await ready('own-users');
      const map = (await inPod('own-users', 'cat /proc/self/uid_map')).trim().split(/\s+/);
      expect(map[0]).toBe('0');
      expect(Number(map[1])).toBeGreaterThanOrEqual(65_536);
      expect(await inPod('own-users', 'id -u')).toBe('0');
    });

    it('a sidecar', async (context) => {
      needs(context, 29, 'restartPolicy of init containers');
      const plain = pod('with-sidecar', wait);
      const [main] = plain.spec.containers;
      const initContainers = [{ ...main, name: 'sidecar', restartPolicy: 'Always' }];
      await apply({ ...plain, spec: { ...plain.spec, initContainers } });
      await ready('with-sidecar');
      const started = await kubectl(
        ...['get', 'pod', 'with-sidecar', '-o', 'jsonpath={.status.initContainerStatuses[0].started}'],
      );
      expect(started).toBe('true');
    });

    it('an image as a volume', async (context) => {
      needs(context, 35, 'on by default');
      if (containerd() < 2.1)
        context.skip(`containerd 2.1, this is ${status().nodeInfo.containerRuntimeVersion}`);
      const image = { reference: busyboxImage, pullPolicy: 'Never' };
      await apply(pod('with-image', wait, {}, [{ name: 'image', image }]));
      await ready('with-image');
      expect(await inPod('with-image', 'ls /volumes/image/bin')).toContain('busybox');
    });

    it('other resources without a restart', async (context) => {
      needs(context, 33, 'in-place resize');
      if (!onCgroupV2) context.skip('this host has cgroup v1');
      const resources = { requests: { cpu: '10m' }, limits: { cpu: '100m' } };
      await apply(pod('resized', wait, { resources }));
      await ready('resized');
      const patch = {
        spec: { containers: [{ name: 'main', resources: { ...resources, limits: { cpu: '200m' } } }] },
      };
      await kubectl('patch', 'pod', 'resized', '--subresource=resize', '-p', JSON.stringify(patch));
      await eventually('the limit is another one', async () => {
        expect(await inPod('resized', 'cat /sys/fs/cgroup/cpu.max')).toBe('20000 100000');
      });
      const restarts = 'jsonpath={.status.containerStatuses[0].restartCount}';
      expect(await kubectl('get', 'pod', 'resized', '-o', restarts)).toBe('0');
    });

    it('swap', async (context) => {
      needs(context, 34, 'NodeSwap');
      if (!onCgroupV2) context.skip('this host has cgroup v1');
      if ((await readFile('/proc/swaps', 'utf8')).trim().split('\n').length < 2)
        context.skip('this host has no swap');
      const conditions = await kubectl(
        'get',
        'node',
        node,
        '-o',
        'jsonpath={.status.nodeInfo.swap.capacity}',
      );
      expect(Number(conditions)).toBeGreaterThan(0);
    });

    it('huge pages', async (context) => {
      const pages = Number(/HugePages_Free:\s+(\d+)/.exec(await readFile('/proc/meminfo', 'utf8'))?.[1] ?? 0);
      if (pages < 1) context.skip('no huge pages are free on this host (vm.nr_hugepages)');
      const resources = { limits: { 'hugepages-2Mi': '2Mi', memory: '16Mi', cpu: '100m' } };
      await apply(pod('huge', wait, { resources }, [{ name: 'huge', emptyDir: { medium: 'HugePages' } }]));
      await ready('huge');
      expect(await inPod('huge', 'grep /volumes/huge /proc/mounts')).toContain('hugetlbfs');
    });

    it('another runtime, by its RuntimeClass', async () => {
      const plain = pod('by-crun', wait);
      await apply({ ...plain, spec: { ...plain.spec, runtimeClassName: 'crun' } });
      await ready('by-crun');
      expect(await inNode('sh', '-c', runtimeOptions)).toContain('/usr/bin/crun');
    });

    it('a seccomp profile of the user’s', async () => {
      const seccompProfile = { type: 'Localhost', localhostProfile: 'no-mkdir.json' };
      await apply(pod('filtered', wait, { securityContext: { seccompProfile } }));
      await ready('filtered');
      expect(await inPod('filtered', 'mkdir /tmp/x 2> /dev/null || echo refused')).toBe('refused');
    });

    it('an AppArmor profile', async (context) => {
      needs(context, 30, 'securityContext.appArmorProfile');
      const enabled = await readFile('/sys/module/apparmor/parameters/enabled', 'utf8').catch(() => 'N');
      if (enabled.trim() !== 'Y') context.skip('the kernel of this host has no AppArmor');
      await apply(
        pod('confined', wait, { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }),
      );
      await ready('confined');
    });

    it('goes without a trace', async () => {
      await scenario.ok(['delete', 'cluster', '--name', name]);
      await scenario.expectCleanHost();
    });
  });
}
