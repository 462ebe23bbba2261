import { describe, expect, it } from 'vitest';

import { limitsDropIn } from '../../../../src/plan/managers/systemd/drop-in.ts';
import { runOf } from '../../../../src/plan/managers/run-of.ts';
import { nspawnFile } from '../../../../src/plan/managers/systemd/settings.ts';
import type { ClusterPlan, PlannedFile } from '../../../../src/plan/types.ts';
import { machineOf, planOf, sandboxFacts } from '../../../fixtures/cluster.ts';
import { hostFacts } from '../../../fixtures/host-facts.ts';

const onV2 = planOf({ spec: { manager: 'systemd' } });
const onV1 = planOf({ spec: { manager: 'systemd' }, facts: { ...sandboxFacts(), pid1: 'systemd' } });
const node = 'knest-control-plane';
const dropIn = `/etc/systemd/system/systemd-nspawn@${node}.service.d/10-knest.conf`;

describe('a machine of the manager systemd', () => {
  it('is where machinectl looks for it, and a unit of the host', () => {
    const machine = machineOf(onV2);
    expect(machine.root).toBe(`/var/lib/machines/${node}`);
    expect(machine.run).toMatchObject({ manager: 'systemd', unit: `systemd-nspawn@${node}.service` });
  });

  it('leaves ExecStart= of the host alone on cgroup v2', () => {
    expect(textOf(onV2, dropIn)).not.toContain('ExecStart=');
    expect(machineOf(onV2).run.cgroups).toEqual([]);
  });

  it('enters cgroups of its own in every hierarchy on v1, those of systemd left out', () => {
    const { folder, run } = machineOf(onV1);
    expect(textOf(onV1, dropIn)).toContain(
      `ExecStart=\nExecStart=/bin/sh ${folder}/enter-cgroups systemd-nspawn --quiet --keep-unit --boot`,
    );
    const script = textOf(onV1, `${folder}/enter-cgroups`);
    expect(script).toContain(
      'for hierarchy in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpuset /sys/fs/cgroup/memory',
    );
    expect(script).not.toMatch(/cgroup\/(systemd|unified)/);
    expect(run.cgroups).toContain(`/sys/fs/cgroup/cpuset/machine.slice/systemd-nspawn@${node}.service`);
  });

  it('explains every setting that gives the machine more than others have', () => {
    const files = [textOf(onV2, `/etc/systemd/nspawn/${node}.nspawn`), textOf(onV2, dropIn)];
    const relaxed = [
      'PrivateUsers=no',
      'Capability=all',
      'SystemCallFilter=',
      'Environment=SYSTEMD_NSPAWN',
      'DevicePolicy=',
      'TasksMax=',
    ];
    const lines = files.flatMap((text) => text.split('\n'));
    for (const setting of relaxed) {
      const at = lines.findIndex((line) => line.startsWith(setting));
      expect(lines[at - 1], setting).toMatch(/^# /);
    }
  });

  it('is mounted by a unit of the name that systemd expects for its path', () => {
    const path = '/etc/systemd/system/var-lib-machines-knest\\x2dcontrol\\x2dplane.mount';
    expect(textOf(onV2, path)).toContain(`Where=/var/lib/machines/${node}\nType=overlay\nOptions=lowerdir=`);
  });

  it('takes a % in a folder as it is', () => {
    const text = nspawnFile({
      machine: 'm',
      cluster: 'c',
      binds: [{ source: '/srv/100%/x', target: '/var/lib/etcd', readOnly: true }],
      link: { macvlan: 'eno1' },
    });
    expect(text).toContain('BindReadOnly=/srv/100%%/x:/var/lib/etcd\n');
    expect(text).toContain('MACVLAN=eno1\nVirtualEthernet=no\n');
  });

  it('has limits in a file of their own, or none', () => {
    expect(limitsDropIn('m', {})).toBeUndefined();
    expect(limitsDropIn('m', { cpus: 1.5, memory: 2 ** 30, tasks: 4000, ioWeight: 50 })).toMatch(
      /\[Service\]\nCPUQuota=150%\nMemoryMax=1073741824\nTasksMax=4000\nIOWeight=50\n$/,
    );
  });
});

describe('a cluster of the manager systemd', () => {
  it('starts with the host: target, network and machine are linked', () => {
    const links = filesOf(onV2).flatMap(({ path, content }) => ('link' in content ? [path] : []));
    expect(links.map((path) => path.replace('/etc/systemd/system/', ''))).toEqual([
      'knest-knest.target.wants/knest-knest-network.service',
      'knest-knest.target.wants/knest-knest-rules.service',
      ...['nftables', 'iptables', 'firewalld', 'ufw', 'docker'].map(
        (firewall) => `${firewall}.service.wants/knest-knest-rules.service`,
      ),
      'machines.target.wants/knest-knest.target',
      'multi-user.target.wants/knest-knest.target',
      `knest-knest.target.wants/systemd-nspawn@${node}.service`,
    ]);
  });

  it('has a network that needs no knest: the commands of the plan as a script', () => {
    const unit = textOf(onV2, '/etc/systemd/system/knest-knest-network.service');
    expect(unit).toContain('ExecStart=/bin/sh /var/lib/knest/clusters/knest/network/setup.sh\n');
    const script = textOf(onV2, '/var/lib/knest/clusters/knest/network/setup.sh');
    expect(script).toContain('ip link add name kn-knest');
    expect(script).not.toMatch(/\bknest (create|start)/);
  });

  it('is none of the business of NetworkManager, where there is one', () => {
    const path = (name: string): string => `/etc/NetworkManager/conf.d/10-knest-${name}.conf`;
    const facts = hostFacts();
    const programs = { ...facts.programs, NetworkManager: '/usr/sbin/NetworkManager' };
    const on = (name: string): ClusterPlan =>
      planOf({ spec: { name, manager: 'systemd' }, facts: { ...facts, programs } });
    expect(textOf(on('dev'), path('dev'))).toMatch(
      /\n\[keyfile\]\n(#.*\n)*unmanaged-devices\+=interface-name:kn-dev;interface-name:vb-dev-\*\n$/,
    );
    // systemd-nspawn cuts the name of the link
    expect(textOf(on('production'), path('production'))).toContain('interface-name:vb-producti*\n');
    expect(runOf(on('dev').host, 'systemd').reload?.map(({ argv, mayFail }) => ({ argv, mayFail }))).toEqual([
      { argv: ['nmcli', 'general', 'reload', 'conf'], mayFail: true },
    ]);
    expect(filesOf(onV2).map((file) => file.path)).not.toContain(path('knest'));
    expect(runOf(onV2.host, 'systemd').reload).toBeUndefined();
  });

  it("keeps the guide's kernel settings and the kubelet's in a file of the host", () => {
    const text = textOf(onV2, '/etc/sysctl.d/90-knest.conf');
    for (const line of [
      'net.ipv4.ip_forward = 1',
      'net.ipv6.conf.all.forwarding = 1',
      'net.ipv4.conf.all.route_localnet = 1',
      'net.ipv4.conf.default.route_localnet = 1',
      'vm.overcommit_memory = 1',
      'kernel.panic = 10',
      'kernel.panic_on_oops = 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(planOf().host.sysctls.map(({ key }) => key)).not.toContain('net.ipv6.conf.all.forwarding');
  });
});

function filesOf({ host, machines }: ClusterPlan): PlannedFile[] {
  const { files, sysctls } = runOf(host, 'systemd');
  return [...files, sysctls, ...machines.flatMap((machine) => runOf(machine, 'systemd').files)];
}

function textOf(plan: ClusterPlan, path: string): string {
  const content = filesOf(plan).find((file) => file.path === path)?.content;
  if (!content || !('text' in content)) throw new Error(`no text at ${path}`);
  return content.text;
}
