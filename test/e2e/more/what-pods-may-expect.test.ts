/** What pods may expect of a node, whatever its Kubernetes: file systems of the kernel, devices, static pods, runtimes. */

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { pod } from '../support/manifests.ts';
import { runtimeOptions } from '../support/runtime-options.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-pods';
const node = `${name}-control-plane`;

/** Pods run until the test ends. */
const wait = 'exec sleep 1000000';

describeScenario('what pods may expect', { story: true }, (scenario) => {
  const config = async () => `
apiVersion: knest.dev/v1alpha1
kind: Cluster
name: ${name}
image: { packages: [crun] }
images: [${await busyboxArchive()}]
runtimes: [{ name: crun, path: /usr/bin/crun }]
nodes:
  - role: control-plane
    devices: [/dev/full, /dev/knest-has-none]
    extraMounts:
      - { hostPath: ${scenario.folder}/made/deep, containerPath: /made, type: DirectoryOrCreate }
      - { hostPath: ${scenario.folder}/made-file, containerPath: /made-file, type: FileOrCreate }
      - { hostPath: ${scenario.folder}/static, containerPath: /etc/kubernetes/manifests, type: Directory }
      - { hostPath: ${scenario.folder}/my files, containerPath: /data/my files }
      - { hostPath: ${scenario.folder}/static, containerPath: /sys/kernel/no-such-folder }
      - { hostPath: /sys/kernel/mm, containerPath: /sys/kernel/debug }
`;
  const inNode = (...argv: string[]) => scenario.ok(['exec', node, '--', ...argv]);
  const inPod = (script: string) => scenario.kubectl(name, ['exec', 'root', '--', 'sh', '-c', script]);
  const apply = async (object: object) => {
    await scenario.kubectl(name, ['apply', '-f', '-'], { input: JSON.stringify(object) });
  };
  const ready = (pods: string) =>
    scenario.kubectl(name, ['wait', '--for=condition=Ready', `pod/${pods}`, '--timeout=90s']);

  it('a path that is not there is refused before anything is touched', async () => {
    await writeFile(`${scenario.folder}/cluster.yaml`, await config());
    const { exitCode, stderr } = await scenario.knest([
      'create',
      'cluster',
      '--config',
      `${scenario.folder}/cluster.yaml`,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      `nodes[0].extraMounts[2].hostPath: there is no directory ${scenario.folder}/static`,
    );
    expect(stderr).toContain(`nodes[0].extraMounts[3].hostPath: there is no file or directory`);
    expect(existsSync(`${scenario.folder}/made`)).toBe(false);
  });

  it('create: what is made and what is left out is told', async () => {
    await mkdir(`${scenario.folder}/static`);
    await mkdir(`${scenario.folder}/my files`);
    await writeFile(`${scenario.folder}/my files/text`, 'with a blank');
    const manifest = pod('static', wait);
    await writeFile(`${scenario.folder}/static/static.json`, JSON.stringify(manifest));
    const { exitCode, stderr } = await scenario.knest(
      ['create', 'cluster', '--config', `${scenario.folder}/cluster.yaml`],
      { timeout: 30 * 60_000 },
    );
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('nodes[0].devices[1]: this host has no /dev/knest-has-none');
    expect(stderr).toContain(`${scenario.folder}/made/deep was not there and has been made`);
    expect(existsSync('/dev/knest-has-none')).toBe(false);
    expect(await readFile(`${scenario.folder}/made-file`, 'utf8')).toBe('');
  });

  it('one mount that cannot be had fails a unit of its own, and all others are there', async () => {
    const failed = await inNode('systemctl', '--failed', '--no-legend', '--plain');
    expect(failed).toContain('knest-pod-mounts.service');
    expect(failed.trim().split('\n')).toHaveLength(1);
    const { stdout } = await scenario.knest(['status', 'cluster', '--name', name]);
    expect(stdout).toContain('knest-pod-mounts.service');
    expect(await inNode('journalctl', '-u', 'knest-pod-mounts', '-o', 'cat')).toContain(
      'cannot be had: mount --rbind /run/knest/mounts/4 /sys/kernel/no-such-folder',
    );
    expect(await inNode('cat', '/data/my files/text')).toBe('with a blank');
    // another file system where systemd-nspawn mounts /sys later than what is bound
    expect(await inNode('ls', '/sys/kernel/debug')).toContain('transparent_hugepage');
  });

  it('a device of the host is there', async () => {
    expect(await inNode('stat', '--format', '%F', '/dev/full')).toBe('character special file');
  });

  it('a static pod runs, as with kubeadm', async () => {
    await eventually(
      'the static pod runs',
      async () => {
        const phase = ['get', 'pod', `static-${node}`, '-o', 'jsonpath={.status.phase}'];
        expect(await scenario.kubectl(name, phase)).toBe('Running');
      },
      90_000,
    );
  });

  it('a privileged pod', async () => {
    const volumes = [
      { name: 'bpf', hostPath: { path: '/sys/fs/bpf', type: 'Directory' } },
      { name: 'tracing', hostPath: { path: '/sys/kernel/tracing', type: 'Directory' } },
    ];
    await apply(pod('root', wait, { securityContext: { privileged: true } }, volumes));
    await ready('root');
  });

  it('has a bpffs that is the machine’s own', async () => {
    await inPod('mkdir /volumes/bpf/of-this-machine');
    expect(await inNode('stat', '--file-system', '--format', '%T', '/sys/fs/bpf')).toBe('bpf_fs');
    // the kernel may have put files of its own beside it
    expect((await inNode('ls', '/sys/fs/bpf')).split('\n')).toContain('of-this-machine');
    expect(existsSync('/sys/fs/bpf/of-this-machine')).toBe(false);
  });

  it('sees what the kernel traces', async (context) => {
    const known = await readFile('/proc/filesystems', 'utf8');
    if (!known.includes('tracefs')) context.skip('this kernel has no tracefs');
    expect(await inPod('ls /volumes/tracing')).toContain('available_events');
  });

  it('can make a file system on a loop device, and mount it', async (context) => {
    if (!existsSync('/dev/loop-control')) context.skip('this host has no loop devices');
    await inPod('dd if=/dev/zero of=/tmp/disk bs=1M count=8 2> /dev/null');
    const device = (await inPod('losetup -f')).trim();
    expect(device).toMatch(/^\/dev\/loop\d+$/);
    await inPod(`losetup ${device} /tmp/disk`);
    try {
      await inPod(
        `mke2fs ${device} > /dev/null 2>&1 && mkdir -p /tmp/there && mount -t ext2 ${device} /tmp/there`,
      );
      await inPod('echo written > /tmp/there/text; umount /tmp/there');
    } finally {
      await inPod(`losetup -d ${device}`);
    }
  });

  it('programs may measure: perf_event_open is not filtered', async (context) => {
    if (process.arch !== 'x64') context.skip('the number of the system call is that of amd64');
    // a software event (PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK) of the process itself; 298: perf_event_open
    const perl =
      'my $attr = pack("L L Q x112", 1, 112, 0); exit(syscall(298, $attr, 0, -1, -1, 0) < 0 ? $! + 0 : 0)';
    // by systemd: what `knest exec` starts itself is not under the filter of the machine
    await inNode('systemd-run', '--wait', '--quiet', '--pipe', 'perl', '-e', perl);
  });

  it('a user namespace can have a proc and a sysfs of its own', async () => {
    const script = 'mount -t proc proc /mnt && umount /mnt && mount -t sysfs sysfs /mnt';
    const unshare = ['unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', '--net'];
    await inNode('systemd-run', '--wait', '--quiet', '--pipe', ...unshare, 'sh', '-c', script);
  });

  it('a pod runs in another runtime, by its RuntimeClass', async () => {
    const plain = pod('by-crun', wait);
    await apply({ ...plain, spec: { ...plain.spec, runtimeClassName: 'crun' } });
    await ready('by-crun');
    expect(await inNode('sh', '-c', runtimeOptions)).toContain('/usr/bin/crun');
  });

  it('the node has what volumes take', async () => {
    await inNode('sh', '-c', 'command -v mkfs.ext4 mount.nfs fusermount3 jq zstd losetup');
  });

  it('delete: what was made goes as far as it is empty, and the rest stays', async () => {
    await writeFile(`${scenario.folder}/made-file`, 'something');
    await scenario.ok(['delete', 'cluster', '--name', name]);
    const left = await readdir(scenario.folder);
    expect(left).not.toContain('made');
    expect(left).toContain('made-file');
    expect(left).toContain('my files');
    await scenario.expectCleanHost();
  });
});
