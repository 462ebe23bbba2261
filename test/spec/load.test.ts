import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError, problemInOneLine, type Problem } from '../../src/errors.ts';
import { loadSpec, type LoadedSpec, type SpecFlags } from '../../src/spec/load.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';
import { clusterSpec, nodesOf } from '../fixtures/cluster.ts';

const folder = new URL('../fixtures/config/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

function load(name: string, flags: SpecFlags = {}): LoadedSpec {
  return loadSpec({ config: { text: readFileSync(new URL(name, folder), 'utf8'), name }, flags });
}

function specOf(flags: SpecFlags, text?: string): ClusterSpec {
  return loadSpec({ flags, ...(text === undefined ? {} : configOf(text)) }).spec;
}

function warnings(flags: SpecFlags, text?: string): string[] {
  const loaded = loadSpec({ flags, ...(text === undefined ? {} : configOf(text)) });
  return loaded.warnings.map(({ path, message }) => `${path}: ${message}`);
}

/** The problems that loading finds, one line each; fails when it finds none. */
function problems(flags: SpecFlags, text?: string): string[] {
  try {
    specOf(flags, text);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map((one) => problemInOneLine(withoutPlace(one)));
    throw error;
  }
  throw new Error('no problem was found');
}

/** Where problems are is for places.test.ts. */
function withoutPlace({ path, message, hint }: Problem): Problem {
  return { path, message, ...(hint === undefined ? {} : { hint }) };
}

const configOf = (text: string) => ({ config: { text: `${header}${text}`, name: 'c.yaml' } });
const header = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n';

describe('config files', () => {
  it.each(files.filter((name) => name.startsWith('valid-')))('%s is accepted', async (name) => {
    const json = `${JSON.stringify(load(name), undefined, 2)}\n`;
    await expect(json).toMatchFileSnapshot(`../fixtures/config/${name.replace('.yaml', '.expected.json')}`);
  });

  it.each(files.filter((name) => name.startsWith('invalid-')))('%s is refused', async (name) => {
    let caught: unknown;
    try {
      load(name);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(InputError);
    const error = caught as InputError;
    expect(error.kind).toBe('usage');
    await expect([error.message, ...error.details, ''].join('\n')).toMatchFileSnapshot(
      `../fixtures/config/${name.replace('.yaml', '.expected.txt')}`,
    );
  });
});

describe('defaults', () => {
  it('need neither file nor flags', () => {
    expect({ spec: specOf({}), warnings: warnings({}) }).toEqual({ spec: clusterSpec(), warnings: [] });
  });

  it('of several nodes', () => {
    const { nodes } = specOf({ name: 'dev', nodes: '3' });
    expect(nodes).toEqual(
      clusterSpec({ name: 'dev', nodes: nodesOf('control-plane', 'worker', 'worker') }).nodes,
    );
  });
});

describe('flags', () => {
  it('override the file', () => {
    const { spec } = load('valid-full.yaml', {
      name: 'other',
      source: 'release',
      kubernetesVersion: 'v1.36.2',
      podSubnet: '10.99.0.0/16,fd00:99::/56',
      proxyMode: 'none',
    });
    expect(spec).toMatchObject({
      name: 'other',
      kubernetes: {
        version: 'v1.36.2',
        source: 'release',
        releaseMirror: 'https://mirror.example/kubernetes',
      },
      network: {
        nodeSubnets: ['10.90.0.0/24', 'fd00:90::/64'],
        podSubnets: ['10.99.0.0/16', 'fd00:99::/56'],
        proxyMode: 'none',
      },
      nodes: [{ name: 'other-control-plane' }, { name: 'other-worker' }, { name: 'other-worker2' }],
    });
  });

  it('are named in their problems', () => {
    expect(
      problems({
        name: 'A',
        network: 'hots',
        ipFamily: 'v4',
        proxyMode: 'iptable',
        releaseMirror: 'x',
        nodeSubnet: '10.0.0.0/30',
        source: 'relase',
      }),
    ).toEqual([
      expect.stringMatching(/^--name: "A" must be lower-case/),
      expect.stringMatching(/^--source: .*did you mean "release"\?$/),
      '--release-mirror (or KNEST_RELEASE_MIRROR): "x" is not an http or https URL',
      '--network: must be "bridge", "macvlan:LINK" or "host", not "hots"; did you mean "host"?',
      expect.stringMatching(/^--ip-family: must be "ipv4", "ipv6" or "dual", not "v4"/),
      '--node-subnet: "10.0.0.0/30" is too small: at most /28, because every node needs an address',
      expect.stringMatching(/^--proxy-mode: .*did you mean "iptables"\?\)$/),
    ]);
  });

  it('and the file are checked against each other', () => {
    const text = 'network: { podSubnet: 10.0.0.0/16 }\nsuit: sid\n';
    expect(problems({ nodeSubnet: '10.0.7.0/24', ipFamily: 'ipv6' }, text)).toEqual([
      'suit: unknown key (did you mean "suite"?)',
      expect.stringMatching(/^--node-subnet: 10\.0\.7\.0\/24 is IPv4, but --ip-family is ipv6/),
      expect.stringMatching(/^network.podSubnet: 10\.0\.0\.0\/16 is IPv4, but --ip-family is ipv6/),
      'network.podSubnet: 10.0.0.0/16 overlaps --node-subnet 10.0.7.0/24',
    ]);
  });

  it('can repair an overlap of the file', () => {
    expect(() => load('invalid-overlap.yaml', { podSubnet: '10.2.0.0/16' })).not.toThrow();
  });
});

describe('--nodes and --control-planes', () => {
  const roles = (flags: SpecFlags, text?: string) =>
    specOf(flags, text)
      .nodes.map(({ role }) => role.charAt(0))
      .join('');

  it.each([
    [{}, 'c'],
    [{ nodes: '1' }, 'c'],
    [{ nodes: '3' }, 'cww'],
    [{ controlPlanes: '3' }, 'ccc'],
    [{ nodes: '5', controlPlanes: '3' }, 'cccww'],
    [{ nodes: '3', controlPlanes: '3' }, 'ccc'],
  ])('%j makes %s', (flags, expected) => {
    expect(roles(flags)).toBe(expected);
  });

  it.each([
    [{ nodes: '0' }, '--nodes: "0" is not a whole number from 1 to 1000'],
    [{ controlPlanes: 'x' }, '--control-planes: "x" is not a whole number from 1 to 1000'],
    [
      { nodes: '2', controlPlanes: '3' },
      '--control-planes: 3 are more than the 2 of --nodes, which counts all nodes',
    ],
  ])('%j is refused', (flags, problem) => {
    expect(problems(flags)).toEqual([problem]);
  });

  it('may count what the file lists, and not say otherwise', () => {
    const text = 'nodes: [{ role: control-plane }, { role: worker }]\n';
    expect(roles({ nodes: '2', controlPlanes: '1' }, text)).toBe('cw');
    expect(problems({ nodes: '3', controlPlanes: '2' }, text)).toEqual([
      '--nodes: 3, but "nodes" in c.yaml lists 2 (change the file, or leave the flag out)',
      '--control-planes: 2, but "nodes" in c.yaml lists 1 control planes (change the file, or leave the flag out)',
    ]);
    expect(roles({ nodes: '2' }, 'name: x\n')).toBe('cw');
  });

  it('are warned about when etcd gains nothing', () => {
    expect(warnings({ controlPlanes: '3' })).toEqual([]);
    expect(warnings({ controlPlanes: '4' })).toEqual([
      '--control-planes: 4 control planes survive the loss of 1, no more than 3 do',
    ]);
    expect(warnings({}, 'nodes: [{ role: control-plane }, { role: control-plane }]\n')).toEqual([
      expect.stringMatching(/^nodes: 2 control planes survive the loss of neither/),
    ]);
  });
});

describe('versions', () => {
  it.each([
    ['1.20.2', 'v1.20.2'],
    ['v1.20.2', 'v1.20.2'],
    ['v1.37.0-rc.1', 'v1.37.0-rc.1'],
    ['1.36', 'v1.36'],
    ['stable', 'stable'],
    ['stable-1.35', 'stable-1.35'],
    ['latest-1.37', 'latest-1.37'],
  ])('%s is %s', (given, expected) => {
    expect(specOf({ kubernetesVersion: given }).kubernetes.version).toBe(expected);
  });

  it.each(['1', 'newest', 'v1.20.2+really', '1.020.2', 'stable-', 'stable-v1.20', 'latest-1.2.3', ''])(
    '%j is refused',
    (given) => {
      expect(problems({ kubernetesVersion: given })).toEqual([
        `--kubernetes-version: "${given}" is not a Kubernetes version like v1.20.2, v1.36, stable or latest-1.36`,
      ]);
    },
  );
});

describe('names', () => {
  it.each(['a', '0', 'a-b', 'a'.repeat(40)])('%s is accepted', (name) => {
    expect(specOf({ name }).name).toBe(name);
  });

  it.each(['', '-a', 'a-', 'a.b', 'a b', 'a/../b', 'É', 'a\n', 'a'.repeat(41)])('%j is refused', (name) => {
    expect(problems({ name })).toHaveLength(1);
  });

  it('of nodes fit into host names, however many there are', () => {
    const names = specOf({ name: 'a'.repeat(40), nodes: '1000', controlPlanes: '1000' }).nodes;
    expect(Math.max(...names.map(({ name }) => name.length))).toBeLessThanOrEqual(63);
  });
});

describe('subnets', () => {
  const plural = {
    nodeSubnet: 'nodeSubnets',
    podSubnet: 'podSubnets',
    serviceSubnet: 'serviceSubnets',
  } as const;

  it.each([
    ['nodeSubnet', '10.0.0.0/8', '172.16.0.0/28', '10.0.0.0/7', '10.0.0.0/29'],
    ['podSubnet', '10.0.0.0/8', '10.0.0.0/24', '8.0.0.0/7', '10.0.0.0/25'],
    ['serviceSubnet', '10.96.0.0/12', '10.96.0.0/24', '10.96.0.0/11', '10.96.0.0/25'],
    ['nodeSubnet', 'fd00::/32', 'fd00::/124', 'fd00::/31', 'fd00::/125'],
    ['podSubnet', 'fd00::/48', 'fd00::/112', 'fd00::/47', 'fd00::/113'],
    ['serviceSubnet', 'fd00::/108', 'fd00::/120', 'fd00::/107', 'fd00::/121'],
  ] as const)('%s: from %s to %s, not %s, not %s', (key, largest, smallest, tooLarge, tooSmall) => {
    expect(specOf({ [key]: largest }).network[plural[key]]).toEqual([largest]);
    expect(specOf({ [key]: smallest }).network[plural[key]]).toEqual([smallest]);
    expect(problems({ [key]: tooLarge })).toEqual([expect.stringContaining('is too large')]);
    expect(problems({ [key]: tooSmall })).toEqual([expect.stringContaining('is too small')]);
  });

  it.each([
    ['127.0.0.0/16', 'loopback'],
    ['169.254.0.0/16', 'link-local'],
    ['0.0.0.0/16', 'this network'],
    ['::/56', 'loopback'],
    ['fe80::/56', 'link-local'],
    ['10.0.0.1/16', 'the subnet is 10.0.0.0/16'],
    ['fd00::1/56', 'the subnet is fd00::/56'],
    ['10.0/16', 'not a subnet'],
    ['10.0.0.0/16,', 'not a subnet'],
    ['', 'not a subnet'],
  ])('%j is refused: %s', (podSubnet, why) => {
    expect(problems({ podSubnet })).toEqual([expect.stringContaining(why)]);
  });

  it('overlap is told once for each pair', () => {
    expect(
      problems({ nodeSubnet: '10.0.0.0/24', podSubnet: '10.0.0.0/16', serviceSubnet: '10.0.0.0/20' }),
    ).toHaveLength(3);
  });

  it.each([
    [{ podSubnet: '10.0.0.0/16' }, 'ipv4'],
    [{ podSubnet: 'fd00::/56' }, 'ipv6'],
    [{ serviceSubnet: '10.0.0.0/16,fd00::/112' }, 'dual'],
    [{ ipFamily: 'ipv6' }, 'ipv6'],
  ] as const)('%j means %s', (flags, family) => {
    expect(specOf(flags).network.ipFamily).toBe(family);
  });

  it('have room for the nodes', () => {
    expect(specOf({ nodes: '4', podSubnet: '10.0.0.0/22' }).nodes).toHaveLength(4);
    expect(problems({ nodes: '14', podSubnet: '10.0.0.0/22', nodeSubnet: '10.1.0.0/28' })).toEqual([
      '--node-subnet: 10.1.0.0/28 has room for 12 of 14 nodes (give a larger one)',
      '--pod-subnet: 10.0.0.0/22 has room for 4 of 14 nodes (give a larger one)',
    ]);
    expect(problems({ nodes: '2', podSubnet: '10.0.0.0/24' })).toEqual([
      expect.stringContaining('room for 1 of 2'),
    ]);
    expect(specOf({ nodes: '4', podSubnet: '192.168.0.0/16,fd00::/64' }).nodes).toHaveLength(4);
  });
});

describe('the API on the host', () => {
  const apiServer = (text: string) => specOf({}, `network: ${text}\n`).network.apiServer;

  it('is on loopback when only a port is given', () => {
    expect(apiServer('{ apiServer: { port: 6443 } }')).toMatchObject({
      listenAddress: '127.0.0.1',
      port: 6443,
    });
    expect(apiServer('{ ipFamily: ipv6, apiServer: { port: 6443 } }').listenAddress).toBe('::1');
    expect(apiServer('{ apiServer: { listenAddress: 0.0.0.0 } }')).toMatchObject({ port: undefined });
    expect(apiServer('{}')).toEqual({ listenAddress: undefined, port: undefined, certSANs: [] });
  });
});

describe("root's password", () => {
  it('is hashed, each time with another salt', () => {
    const [one, other] = [1, 2].map(() => specOf({}, 'rootPassword: "geheim: 1"\n').rootPassword);
    expect(one).toMatch(/^\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/);
    expect(other).not.toBe(one);
    expect(specOf({}).rootPassword).toBeUndefined();
  });

  it('may be a hash already', () => {
    const hash = `$6$salt$${'x'.repeat(86)}`;
    expect(specOf({}, `rootPassword: ${hash}\n`).rootPassword).toBe(hash);
  });

  it.each(['12345', '""', '$6$salt$geheim', '"geheim\\n"', '[geheim]'])(
    'cannot be %s, which nobody repeats',
    (value) => {
      const [problem = '', ...more] = problems({}, `rootPassword: ${value}\n`);
      expect(problem).toMatch(/^rootPassword: (must|looks like a hash)/);
      expect([problem, ...more].join('\n')).not.toMatch(/12345|geheim/);
    },
  );
});

describe('quantities of memory', () => {
  const memory = (text: string) =>
    specOf({}, `nodes: [{ role: control-plane, resources: { memory: ${text} } }]\n`).nodes[0]?.resources
      .memory;

  it.each([
    ['1073741824', 2 ** 30],
    ['2Gi', 2 ** 31],
    ['512Mi', 2 ** 29],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['1500M', 1.5e9],
    ['4k', 4000],
  ])('%s', (text, bytes) => {
    expect(memory(text)).toBe(bytes);
  });

  it.each(['2GB', '-1', '0', '1.5', 'much', '1e3Ki', '99999999Ei'])('%s is refused', (text) => {
    expect(() => memory(text)).toThrow(InputError);
  });
});

describe('nodes', () => {
  it('an empty list has no control plane', () => {
    expect(problems({}, 'nodes: []\n')).toEqual(['nodes: no control plane (add "- role: control-plane")']);
  });

  it('control planes run pods when nobody else does', () => {
    const taints = (text: string) => specOf({}, `nodes: ${text}\n`).nodes.map((node) => node.taints);
    expect(taints('[{ role: control-plane }, { role: control-plane }, { role: control-plane }]')).toEqual([
      [],
      [],
      [],
    ]);
    expect(taints('[{ role: control-plane }, { role: worker }]')).toEqual(['control-plane', []]);
    expect(taints('[{ role: control-plane, taints: [] }, { role: worker }]')).toEqual([[], []]);
  });

  it.each([
    ['/var', '/var/lib/containerd'],
    ['/var/lib/etcd/', '/var/lib/etcd'],
    ['//', '/bin'],
    ['/etc/kubernetes', '/etc/kubernetes'],
  ])('a mount at %s would hide %s', (containerPath, hidden) => {
    const text = `nodes: [{ role: control-plane, extraMounts: [{ hostPath: /a, containerPath: ${containerPath} }] }]\n`;
    expect(problems({}, text)).toEqual([expect.stringContaining(`would hide ${hidden}, which`)]);
  });

  it.each(['/var/lib/kubelet/config.json', '/etc/kubernetes/policies/p.yaml', '/var/lib/etcd2', '/data'])(
    'a mount at %s is fine',
    (containerPath) => {
      const text = `nodes: [{ role: control-plane, extraMounts: [{ hostPath: /a, containerPath: ${containerPath} }] }]\n`;
      expect(specOf({}, text).nodes[0]?.extraMounts).toHaveLength(1);
    },
  );
});

describe('more problems than anybody reads', () => {
  it.each([
    ['unknown keys', Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join('')],
    [
      'wrong values',
      `nodes:\n  - role: worker\n    labels:\n${Array.from({ length: 50_000 }, (_, index) => `      l${index}: [1]\n`).join('')}`,
    ],
  ])(
    'are told in part: %s',
    (_, text) => {
      const told = problems({}, text);
      expect(told.length).toBeLessThan(110);
      expect(told.join('\n')).toContain('has more than 100 problems');
    },
    60_000,
  );
});
