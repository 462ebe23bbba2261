/**
 * Golden plans: what knest would do on some kinds of host, file by file, so that a review shows which unit, flag or
 * command a change touches. test/golden/single-cgroup-v1 holds everything; the other folders only what is different
 * from it. After a change that is meant:
 *
 *     UPDATE_GOLDEN=1 npx vitest run --project unit test/plan/golden.test.ts
 */
import { describe, expect, it } from 'vitest';

import { planFiles } from '../../src/cli/output/plan-directory.ts';
import { componentsOfSuite } from '../../src/plan/node-components.ts';
import type { ClusterPlan, NodeComponents, PlannedFile, ResolvedComponent } from '../../src/plan/types.ts';
import type { ComponentName } from '../../src/spec/types.ts';
import {
  clusterSpec,
  componentsSpec,
  dnsSpec,
  fromRelease,
  networkSpec,
  nodeSpec,
  nodesOf,
  planOf,
  sandboxFacts,
} from '../fixtures/cluster.ts';
import type { PlanInput } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';
import { lease } from '../fixtures/lease.ts';
import { expectGolden } from './expect-golden.ts';

const base: PlanInput = { facts: sandboxFacts() };

function fromProject(component: ComponentName, version: string): ResolvedComponent {
  const source = { kind: 'release' as const, baseUrl: 'https://github.com' };
  const id = `${component}-${version}-release-amd64-0123456789ab`;
  return {
    version,
    layer: { kind: 'component', id, component, version, source },
    reason: 'github.com: asked for',
  };
}

const withContainerd2: NodeComponents = {
  ...componentsOfSuite({ suite: undefined, role: 'control-plane' }, clusterSpec().image),
  containerd: fromProject('containerd', '2.3.4'),
  runc: fromProject('runc', '1.4.3'),
};

/** Everything that a config file can change besides topology. */
const allSettings: PlanInput['spec'] = {
  rootPassword: '$6$salt$hash',
  kubernetes: {
    ...clusterSpec().kubernetes,
    featureGates: { TTLAfterFinished: true },
    runtimeConfig: { 'api/alpha': 'true' },
  },
  network: networkSpec({
    cni: 'none',
    proxyMode: 'iptables',
    dnsSearch: ['example.test'],
    apiServer: {
      address: undefined,
      listenAddress: '127.0.0.1',
      port: 6443,
      certSANs: ['api.example.test', '203.0.113.9'],
    },
  }),
  components: componentsSpec({
    etcd: { extraArgs: { 'quota-backend-bytes': '1000000' }, extraVolumes: [] },
    kubeApiserver: {
      extraArgs: { 'audit-log-path': '/var/log/kubernetes/audit.log' },
      extraVolumes: [
        { hostPath: '/audit', mountPath: '/var/log/kubernetes', readOnly: false, create: 'directory' },
      ],
    },
    kubelet: { extraArgs: { v: '2' }, config: { maxPods: 50, evictionHard: null } },
    kubeProxy: { extraArgs: {}, config: { metricsBindAddress: '0.0.0.0:10249' } },
    containerd: { configPatches: [{ debug: { level: 'debug' } }] },
  }),
  nodes: [
    nodeSpec({
      labels: { tier: 'edge' },
      taints: [{ key: 'dedicated', value: 'edge', effect: 'NoExecute' }],
      resources: { cpus: 1, memory: 2 ** 31, tasks: 4096, ioWeight: 50 },
      extraMounts: [
        { hostPath: '/srv', containerPath: '/srv', readOnly: true, propagation: 'HostToContainer' },
      ],
      extraPortMappings: [
        { containerPort: 80, hostPort: 8080, listenAddress: '127.0.0.1', protocol: 'TCP' },
        { containerPort: 53, hostPort: 5353, listenAddress: undefined, protocol: 'UDP' },
      ],
    }),
  ],
};

/** Registries, mirrors, credentials, proxies and images that nodes come with. */
const images: PlanInput['spec'] = {
  registry: { address: undefined, port: 5000 },
  registries: [
    {
      host: 'docker.io',
      mirrors: ['https://mirror.example:5001', 'https://mirror.example/v2/docker'],
      ca: undefined,
      skipVerify: false,
      credentials: { username: 'alice', password: 'open sesame' },
    },
    {
      host: 'mirror.example:5001',
      mirrors: [],
      ca: '-----BEGIN CERTIFICATE-----\nexample\n-----END CERTIFICATE-----\n',
      skipVerify: false,
      credentials: { username: 'bob', password: 'open sesame' },
    },
    { host: '*', mirrors: ['http://192.0.2.7'], ca: undefined, skipVerify: true, credentials: undefined },
  ],
  proxy: { http: undefined, https: 'http://carol:sesame@proxy.example:3128', noProxy: ['.example'] },
  images: [
    {
      file: '/srv/app.tar.gz',
      content: { digest: 'ab'.repeat(32), images: ['app.example/app:1', 'app.example/more:1'] },
    },
    { file: '/srv/db.tar', content: { digest: 'cd'.repeat(32), images: ['docker.io/library/db:2'] } },
  ],
  nodes: nodesOf('control-plane', 'worker'),
};

const variants: Record<string, PlanInput> = {
  'single-cgroup-v2': { ...base, facts: hostFacts() },
  'beside-docker-and-firewalld': {
    ...base,
    facts: sandboxFacts({
      firewall: { docker: true, firewalld: true, forwardDrop: true },
      programs: {
        ...hostFacts().programs,
        iptables: '/usr/sbin/iptables',
        'firewall-cmd': '/usr/bin/firewall-cmd',
      },
    }),
  },
  'kubernetes-1.36': { ...base, kubernetes: fromRelease('v1.36.2') },
  'containerd-2': {
    ...base,
    kubernetes: fromRelease('v1.36.2'),
    components: { 'knest-control-plane': withContainerd2 },
    spec: {
      components: componentsSpec({
        containerd: {
          configPatches: [
            { plugins: { 'io.containerd.grpc.v1.cri': { max_concurrent_downloads: 7 } } },
            { version: 4, oom_score: -999 },
          ],
        },
      }),
      registries: [
        {
          host: 'registry.example:5000',
          mirrors: ['https://mirror.example'],
          ca: undefined,
          skipVerify: false,
          credentials: { username: 'alice', password: 'secret' },
        },
      ],
    },
  },
  'systemd-host': { spec: { manager: 'auto' }, facts: hostFacts() },
  'systemd-host-cgroup-v1': { spec: { manager: 'auto' }, facts: { ...sandboxFacts(), pid1: 'systemd' } },
  bookworm: { ...base, spec: { image: { suite: 'bookworm', mirror: undefined } } },
  'explicit-subnets': {
    ...base,
    spec: {
      network: networkSpec({
        nodeSubnets: ['192.168.77.0/26'],
        podSubnets: ['172.20.0.0/15'],
        serviceSubnets: ['198.18.0.0/22'],
      }),
    },
  },
  'one-control-plane-two-workers': { ...base, spec: { nodes: nodesOf('control-plane', 'worker', 'worker') } },
  'three-control-planes': {
    ...base,
    spec: { nodes: nodesOf('control-plane', 'control-plane', 'control-plane') },
  },
  'dual-stack': {
    ...base,
    spec: { nodes: nodesOf('control-plane', 'worker'), network: networkSpec({ ipFamily: 'dual' }) },
  },
  'audit-and-pod-security': {
    ...base,
    kubernetes: fromRelease('v1.22.17'),
    spec: {
      audit: { policy: { rules: [{ level: 'Request' }] }, maxAge: 7, maxBackups: 2, maxSize: 100 },
      podSecurity: {
        defaults: { enforce: 'baseline', 'enforce-version': 'latest' },
        exemptions: { usernames: [], namespaces: ['kube-system'], runtimeClasses: [] },
      },
    },
  },
  coredns: {
    ...base,
    spec: {
      dns: dnsSpec({
        provider: 'coredns',
        stubDomains: { 'corp.example': ['192.0.2.53', '192.0.2.54:5353'] },
        hosts: { 'registry.corp.example': ['192.0.2.7', 'fd00::7'] },
        upstream: ['192.0.2.1'],
      }),
    },
  },
  'ipv6-on-cgroup-v2': { facts: hostFacts(), spec: { network: networkSpec({ ipFamily: 'ipv6' }) } },
  images: { ...base, spec: images },
  'own-registry': {
    ...base,
    spec: { registry: { address: 'http://192.0.2.5:5000', port: 5001 } },
  },
  'all-settings': { ...base, spec: allSettings },
  'dhcp-on-a-lan': {
    facts: hostFacts({ leases: { 'knest-control-plane': lease('192.0.2.103') } }),
    spec: { manager: 'systemd', network: networkSpec({ mode: { macvlan: 'eth0' }, dhcp: true }) },
  },
  'the-network-of-the-host': {
    facts: hostFacts({ defaultAddress: '192.0.2.2' }),
    spec: { manager: 'systemd', network: networkSpec({ mode: 'host' }) },
  },
};

describe('the plan', () => {
  it('holds no secret', () => {
    expect(JSON.stringify(planOf({ ...base, spec: images }))).not.toContain('sesame');
  });

  it('of single-cgroup-v1 is as recorded', async () => {
    await expectGolden('single-cgroup-v1', readable(planOf(base)));
  });

  it.each(Object.entries(variants))(
    'of %s differs from single-cgroup-v1 as recorded',
    async (name, input) => {
      const usual = readable(planOf(base));
      const different = [...readable(planOf(input))].filter(([path, text]) => usual.get(path) !== text);
      await expectGolden(name, new Map(different));
    },
  );
});

/** A plan as text files; links, modes and key material are lines of files.txt. */
function readable(plan: ClusterPlan): Map<string, string> {
  const files = new Map<string, string>();
  const listing: string[] = [];
  const keys = new Map(
    plan.machines.flatMap(({ name, files: own }) =>
      own.filter(isKeyMaterial).map(({ path, content }) => [`machines/${name}/root${path}`, content.pki]),
    ),
  );
  const inOrder = planFiles(plan).sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, mode, content } of inOrder) {
    const key = keys.get(path);
    const shows = 'link' in content ? ` -> ${content.link}` : key === undefined ? '' : ` from pki: ${key}`;
    listing.push(`${mode.toString(8).padStart(4, '0')} ${path}${shows}\n`);
    if ('text' in content && key === undefined) files.set(path, content.text);
  }
  files.delete('plan.json');
  files.set('files.txt', listing.join(''));
  for (const [path, part] of partsOf(plan)) files.set(path, `${JSON.stringify(part, undefined, 2)}\n`);
  // what is in a root file system shows in layers.json; its hash would change every launch script
  for (const [path, text] of files)
    files.set(path, text.replaceAll(/(rootfs-\w+-\w+-)[0-9a-f]{12}/g, '$1HASH'));
  return files;
}

function isKeyMaterial(file: PlannedFile): file is PlannedFile & { content: { pki: string } } {
  return 'pki' in file.content;
}

/** plan.json without what is in files of its own, in parts. */
function partsOf(plan: ClusterPlan): [string, unknown][] {
  return [
    ['cluster.json', without(plan, 'pki', 'host', 'layers', 'machines')],
    ['layers.json', plan.layers],
    ...plan.machines.map((machine): [string, unknown] => [
      `machines/${machine.name}/machine.json`,
      {
        ...without(machine, 'files', 'units', 'run'),
        run: without(machine.run, 'script', 'argv', 'files'),
      },
    ]),
  ];
}

function without(object: object, ...keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}
