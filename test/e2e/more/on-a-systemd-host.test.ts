/**
 * A server whose process 1 is systemd: its own tools know the nodes, a cluster survives a reboot without knest, and
 * deleting leaves nothing. Debian 12 (systemd 252) and Debian 13 (257) play the server, see support/bed.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { busyboxArchive, busyboxImage } from '../support/busybox.ts';
import { startBed } from '../support/bed/bed.ts';
import type { Bed, BedSuite } from '../support/bed/bed.ts';
import { expectInRegistry, pushTo } from '../support/bed/registry.ts';
import { tracesOn } from '../support/bed/traces.ts';
import { eventually } from '../support/eventually.ts';
import { expectSameHost, hostSnapshot } from '../support/host-snapshot.ts';
import type { HostSnapshot } from '../support/host-snapshot.ts';

const name = 'server';
const node = `${name}-control-plane`;
const unit = `systemd-nspawn@${node}.service`;
const archive = '/opt/busybox.tar';
const password = 'geheim: 1$';
const config = {
  apiVersion: 'knest.dev/v1alpha1',
  kind: 'Cluster',
  name,
  rootPassword: password,
  registry: true,
  nodes: [{ role: 'control-plane', resources: { cpus: 2, memory: '3Gi', tasks: 9000, ioWeight: 50 } }],
};
/** cgroup v1 and v2; one of each pair is there. */
const groupFiles = ['memory/*/memory.limit_in_bytes', 'pids/*/pids.max', '*/memory.max', '*/pids.max']
  .map((path) => `/sys/fs/cgroup/${path.replace('*', `machine.slice/${unit}`)}`)
  .join(' ');

describe.skipIf(process.getuid?.() !== 0).each<BedSuite>(['bookworm', 'trixie'])('on a %s host', (suite) => {
  let bed: Bed;
  let realHost: HostSnapshot;
  let before: string[];
  let pushed: string;

  beforeAll(async () => {
    realHost = await hostSnapshot();
    bed = await startBed({ suite, share: { [archive]: await busyboxArchive() } });
    before = await tracesOn(bed);
  });
  afterAll(async () => {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- when it did not come up
    await bed?.stop();
    await expectSameHost(realHost);
  });

  const knest = (...args: string[]): Promise<string> => bed.ok(['knest', ...args]);
  const kubectl = (...args: string[]): Promise<string> => knest('kubectl', '--name', name, '--', ...args);
  const leader = async (): Promise<string> =>
    bed.ok(['machinectl', 'show', node, '--property=Leader', '--value']);
  const expectAnotherLeader = (first: string): Promise<void> =>
    eventually(
      'there is another process 1',
      async () => {
        expect(await leader()).not.toBe(first);
      },
      60_000,
    );
  const expectAnswer = (): Promise<void> =>
    eventually(
      'the pod answers with its data',
      async () => {
        const pod = await kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].status.podIP}');
        expect(await bed.ok(['curl', '-sf', '--max-time', '2', `http://${pod}/data`])).toBe('kept');
      },
      120_000,
    );

  it('creates a cluster that systemd runs', async () => {
    await bed.ok(['tee', '/root/cluster.yaml'], { input: JSON.stringify(config) });
    const plan = await knest('plan', 'cluster', '--config', '/root/cluster.yaml', '-o', 'json');
    expect(JSON.parse(plan)).toMatchObject({ manager: 'systemd' });
    expect(plan).not.toContain(password);
    await knest('create', 'cluster', '--config', '/root/cluster.yaml');
    await bed.ok(['rm', '/root/cluster.yaml']);
    expect(await kubectl('get', 'nodes')).toMatch(new RegExp(`^${node} +Ready`, 'm'));
    expect(await bed.ok(['systemctl', 'is-enabled', `knest-${name}.target`, unit])).toBe('enabled\nenabled');
  });

  it('has a registry on the host', async () => {
    pushed = await pushTo(bed);
    await expectInRegistry(bed, pushed);
  });

  it('is known to the tools of the host', async () => {
    expect(await bed.ok(['machinectl', 'list', '--no-legend'])).toMatch(
      new RegExp(`^${node} +container +systemd-nspawn +debian`),
    );
    expect(await bed.ok(['machinectl', 'status', '--no-pager', node])).toContain(`Unit: ${unit}`);
    expect(await bed.ok(['systemctl', '-M', node, 'is-active', 'kubelet', 'etcd'])).toBe('active\nactive');
    expect(await bed.ok(['journalctl', '-M', node, '-u', 'kube-apiserver', '-n', '1', '-q'])).toContain(node);
    expect(await bed.ok(['machinectl', 'shell', '-q', node, '/bin/hostname'])).toContain(node);
    const run = await bed.run([
      'systemd-run',
      '-M',
      node,
      '-q',
      '--pipe',
      '--wait',
      'sh',
      '-c',
      'hostname; exit 7',
    ]);
    expect(run).toMatchObject({ exitCode: 7, stdout: node });
    // its journal is a part of the host's
    await eventually('the journals are together', async () => {
      expect(await bed.ok(['journalctl', '-m', '-q', '-n', '1', `_HOSTNAME=${node}`])).toContain(node);
    });
  });

  it('lets root in with the password that was set, which is written nowhere', async () => {
    const keys: Keys = [
      ['login:', 'root'],
      ['[Pp]assword:', password],
      // the last of what the shell prints before it waits
      ['# ', 'echo I am $(id -un) of $(hostname)'],
    ];
    const { stdout } = await bed.run(['timeout', '60', 'sh', '-s', node], {
      input: typeAt(keys, `I am root of ${node}`),
    });
    expect(stdout).toContain(`I am root of ${node}`);
    // nothing in between: the journal of the machine and /run/nologin have nothing to say
    expect(stdout).not.toMatch(/booting up|incorrect/);
    const search = [
      'grep',
      '-rF',
      '--',
      password,
      '/var/lib/knest/clusters',
      '/etc',
      '/run/knest',
      '/var/log',
    ];
    expect((await bed.run(search)).stdout).toBe('');
    const wrong = keys.map(([prompt, answer]) => [prompt, answer === password ? 'guess' : answer] as const);
    const refused = await bed.run(['timeout', '60', 'sh', '-s', node], {
      input: typeAt(wrong.slice(0, 2), 'incorrect'),
    });
    expect(refused.stdout).toContain('incorrect');
  });

  it('has the limits that it was given', async () => {
    const properties = ['CPUQuotaPerSecUSec', 'MemoryMax', 'TasksMax', 'IOWeight'];
    expect(await bed.ok(['systemctl', 'show', `--property=${properties.join(',')}`, unit])).toBe(
      ['CPUQuotaPerSecUSec=2s', 'IOWeight=50', `MemoryMax=${3 * 2 ** 30}`, 'TasksMax=9000'].join('\n'),
    );
    // systemd has told the kernel, in which hierarchy ever
    const { stdout } = await bed.run(['sh', '-c', `cat ${groupFiles}`]);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining([String(3 * 2 ** 30), '9000']));
  });

  it('runs pods with data on the host', async () => {
    await knest('load', 'image-archive', '--name', name, archive);
    await bed.ok(['tee', '/root/web.yaml'], { input: JSON.stringify(web) });
    await kubectl('apply', '-f', '/root/web.yaml');
    await kubectl('rollout', 'status', 'deployment', 'web', '--timeout=60s');
    await kubectl('exec', 'deployment/web', '--', 'sh', '-c', 'printf kept > /www/data');
    await expectAnswer();
  });

  it('is powered off and started with machinectl', async () => {
    await bed.ok(['machinectl', 'poweroff', node]);
    await eventually(
      'it is off',
      async () => {
        const { stdout } = await bed.run(['systemctl', 'is-active', unit]);
        expect(stdout).toBe('inactive');
      },
      60_000,
    );
    expect(await knest('get', 'nodes', '--name', name)).toContain('stopped');
    await bed.ok(['machinectl', 'start', node]);
    await expectAnswer();
  });

  it('is rebooted with machinectl', async () => {
    const first = await leader();
    await bed.ok(['machinectl', 'reboot', node]);
    await expectAnotherLeader(first);
    await expectAnswer();
  });

  it('has its rules again when a firewall begins anew, and says what somebody else has taken away', async () => {
    const rules = () => bed.ok(['nft', 'list', 'tables']);
    expect(await rules()).toContain(`table ip knest_${name}`);
    for (const verb of ['restart', 'reload']) {
      await bed.ok(['systemctl', verb, 'nftables']);
      await eventually(`the rules are there after ${verb}`, async () => {
        expect(await rules()).toContain(`table ip knest_${name}`);
      });
    }
    // a restart took nothing else away
    await expectAnswer();
    expect((await bed.run(['knest', 'status', 'cluster', '--name', name])).exitCode).toBe(0);

    await bed.ok(['nft', 'flush', 'ruleset']);
    await bed.ok(['ip', 'link', 'delete', 'dev', `kn-${name}`]);
    await bed.ok(['sysctl', '-w', 'vm.overcommit_memory=0']);
    const { exitCode, stdout } = await bed.run(['knest', 'status', 'cluster', '--name', name]);
    expect(exitCode).toBe(7);
    expect(stdout).toContain(`there is no nftables table ip knest_${name}`);
    expect(stdout).toContain(`there is no link kn-${name}`);
    expect(stdout).toContain('vm.overcommit_memory is 0 and not 1');
    expect(stdout).toContain(`mend it: knest start cluster --name ${name}`);
    await knest('start', 'cluster', '--name', name);
    await knest('status', 'cluster', '--name', name);
    await expectAnswer();
  });

  it('is stopped and started with its target', async () => {
    await bed.ok(['systemctl', 'stop', `knest-${name}.target`]);
    await eventually(
      'all of it is down',
      async () => {
        const { stdout } = await bed.run(['systemctl', 'is-active', unit, `knest-${name}-network.service`]);
        expect(stdout).toBe('inactive\ninactive');
      },
      60_000,
    );
    expect(await bed.ok(['ip', '-o', 'link'])).not.toContain(`kn-${name}`);
    await bed.ok(['systemctl', 'start', `knest-${name}.target`]);
    await expectAnswer();
  });

  it('comes back when it dies', async () => {
    const first = await leader();
    await bed.ok(['systemctl', 'kill', '--signal=SIGKILL', unit]);
    await expectAnotherLeader(first);
    await expectAnswer();
  });

  it('takes limits while it runs', async () => {
    const limits = ['CPUQuota=150%', 'MemoryMax=2G', 'TasksMax=5000', 'IOWeight=30'];
    await bed.ok(['systemctl', 'set-property', unit, ...limits]);
    const { stdout } = await bed.run(['sh', '-c', `cat ${groupFiles}`]);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['5000', String(2 * 2 ** 30)]));
  });

  it('is there again after a reboot of the host, without knest', async () => {
    await bed.ok(['sh', '-c', 'mv /usr/local/bin/knest /root/knest']);
    await bed.reboot();
    await bed.ok(['sh', '-c', 'mv /root/knest /usr/local/bin/knest']);
    await expectAnswer();
    await expectInRegistry(bed, pushed);
    expect(await kubectl('get', 'nodes')).toMatch(new RegExp(`^${node} +Ready`, 'm'));
  });

  it('is deleted and leaves nothing', async () => {
    await bed.ok(['rm', '/root/web.yaml']);
    await knest('delete', 'cluster', '--name', name);
    expect(await tracesOn(bed)).toEqual(before);
  });
});

/** Prompts and answers. */
type Keys = readonly (readonly [string, string])[];

/**
 * A shell script that logs in to the machine $1 with machinectl, at a terminal of its own, typing each answer when its
 * prompt is there; prints what was on the screen as soon as that shows `last`.
 */
function typeAt(keys: Keys, last: string): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const waits = keys.map(
    ([prompt, answer]) => `await ${quoted(prompt)}; printf '%s\\n' ${quoted(answer)} >&3`,
  );
  return `folder=$(mktemp -d)
mkfifo $folder/keys
: > $folder/screen
script -qfc "machinectl login $1" $folder/screen < $folder/keys > /dev/null 2>&1 &
exec 3> $folder/keys
seen=0
# only what is new since the last answer; a prompt is the end of what is there
await() {
  until tail -c +$((seen + 1)) $folder/screen | grep -q -- "$1"; do sleep 0.1; done
  seen=$(stat -c %s $folder/screen)
}
${waits.join('\n')}
await ${quoted(last)}
cat $folder/screen
# leaves machinectl
printf '\\035\\035\\035' >&3
wait
rm -r $folder
`;
}

const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'web',
            image: busyboxImage,
            command: ['httpd', '-f', '-p', '80', '-h', '/www'],
            volumeMounts: [{ name: 'data', mountPath: '/www' }],
          },
        ],
        // below the kubelet's data, which is kept over reboots of machine and host
        volumes: [{ name: 'data', hostPath: { path: '/var/lib/web', type: 'DirectoryOrCreate' } }],
      },
    },
  },
};
