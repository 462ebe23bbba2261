import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { InputError } from '../../src/errors.ts';
import { loadSpec, type LoadedSpec, type SpecFlags } from '../../src/spec/load.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';
import { clusterSpec, nodeSpec } from '../fixtures/cluster.ts';

/** The examples of kind's documentation, kind's own test data, and some of ours. */
const folder = new URL('../fixtures/kind/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const isRefused = (name: string) => name.startsWith('refused-');

function load(name: string, flags: SpecFlags = {}): LoadedSpec {
  const text = readFileSync(new URL(name, folder), 'utf8');
  return loadSpec({ config: { text, name, directory: '/home/me' }, flags });
}

function loadText(text: string, flags: SpecFlags = {}): LoadedSpec {
  return loadSpec({ config: { text: `${header}${text}`, name: 'kind.yaml' }, flags });
}

function refusal(loading: () => LoadedSpec): InputError {
  try {
    loading();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const header = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';

describe('config files of kind', () => {
  it.each(files.filter((name) => !isRefused(name)))('%s is accepted', async (name) => {
    const { spec, warnings } = load(name);
    const remarks = warnings.map(
      ({ path, message, hint }) => `${path}: ${message}${hint ? ` (${hint})` : ''}`,
    );
    const text = `${stringify(inShort(spec), { lineWidth: 0 })}${remarks.map((line) => `warning: ${line}\n`).join('')}`;
    await expect(text).toMatchFileSnapshot(`../fixtures/kind/${name.replace('.yaml', '.expected.txt')}`);
  });

  it.each(files.filter(isRefused))('%s', async (name) => {
    const { message, details } = refusal(() => load(name));
    const text = [message, ...details, ''].join('\n');
    await expect(text).toMatchFileSnapshot(`../fixtures/kind/${name.replace('.yaml', '.expected.txt')}`);
  });
});

describe('a config file of kind', () => {
  it('without anything is the cluster that no flags ask for', () => {
    const { spec, warnings } = loadText('');
    expect({ spec, warnings }).toEqual({ spec: clusterSpec(), warnings: [] });
  });

  it('can have addresses of Services switched off', () => {
    expect(loadText('').spec.network.loadBalancer.addresses).toBeUndefined();
    expect(loadText('', { loadBalancer: 'off' }).spec.network.loadBalancer.addresses).toEqual([]);
  });

  it('can be overridden by flags', () => {
    const { spec } = load('configuration-name-your-cluster.yaml', {
      name: 'mine',
      nodes: '2',
      ipFamily: 'dual',
    });
    expect(spec).toMatchObject({ name: 'mine', network: { ipFamily: 'dual' } });
    expect(spec.nodes.map(({ name }) => name)).toEqual(['mine-control-plane', 'mine-worker']);
    expect(
      load('configuration-kubernetes-version.yaml', { kubernetesVersion: 'v1.20.2' }).spec.kubernetes.version,
    ).toBe('v1.20.2');
  });

  it('has its paths in problems that come up later', () => {
    const text = 'networking: { podSubnet: 10.0.0.0/16, serviceSubnet: 10.0.0.0/20, apiServerPort: 80 }\n';
    const nodes = 'nodes: [{ extraPortMappings: [{ containerPort: 1, hostPort: 80 }] }]\n';
    expect(refusal(() => loadText(text + nodes)).details).toEqual([
      'kind.yaml:3:39  networking.serviceSubnet: 10.0.0.0/20 overlaps networking.podSubnet 10.0.0.0/16',
      expect.stringMatching(
        /^kind\.yaml:4:51 {2}nodes\[0\]\.extraPortMappings\[0\]\.hostPort: .* taken by networking\.apiServerPort/,
      ),
    ]);
  });

  it('gives single flags as kubeadm has them: the node over the cluster', () => {
    const patch = (value: string) =>
      `- "{ kind: ClusterConfiguration, apiServer: { extraArgs: { v: '${value}' } } }"`;
    const text = `kubeadmConfigPatches:\n${patch('1')}\nnodes:\n- kubeadmConfigPatches:\n  ${patch('2')}\n`;
    expect(loadText(text).spec.components.kubeApiserver.extraArgs).toEqual({ v: '2' });
  });

  it('has subnets that are written with an address within them, as kind has', () => {
    const patch = '"{ kind: ClusterConfiguration, networking: { podSubnet: 10.8.3.7/16 } }"';
    const text = `networking: { serviceSubnet: 10.76.0.0/12 }\nkubeadmConfigPatches: [${patch}]\n`;
    const { spec, warnings } = loadText(text);
    expect(spec.network).toMatchObject({ serviceSubnets: ['10.64.0.0/12'], podSubnets: ['10.8.0.0/16'] });
    expect(warnings.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'networking.serviceSubnet: "10.76.0.0/12" is an address within a subnet; taken as 10.64.0.0/12, as kind does',
      'kubeadmConfigPatches[0].networking.podSubnet: "10.8.3.7/16" is an address within a subnet; taken as 10.8.0.0/16, as kind does',
    ]);
  });

  it('puts IPv4 first, also where kubeadm is patched', () => {
    const patch = '"{ kind: ClusterConfiguration, networking: { podSubnet: \'fd00:8::/64,10.8.0.0/16\' } }"';
    const { spec } = loadText(`networking: { ipFamily: dual }\nkubeadmConfigPatches: [${patch}]\n`);
    expect(spec.network.podSubnets).toEqual(['10.8.0.0/16', 'fd00:8::/64']);
  });

  describe('with ports on ::1, from where nothing leads into a machine', () => {
    const mappings = (...ports: readonly string[]) =>
      `nodes:\n- extraPortMappings: [${ports.map((port) => `{ ${port} }`).join(', ')}]\n`;
    const six = "containerPort: 80, hostPort: 8080, listenAddress: '::1'";

    it.each(['127.0.0.1', '0.0.0.0', ''])('leaves those out that %j leads to as well', (address) => {
      const four = `containerPort: 80, hostPort: 8080, listenAddress: '${address}'`;
      const { spec, warnings } = loadText(mappings(six, four));
      expect(spec.nodes[0]?.extraPortMappings).toHaveLength(1);
      expect(warnings).toMatchObject([
        {
          path: 'nodes[0].extraPortMappings[0].listenAddress',
          message: expect.stringMatching(/left out/) as string,
        },
      ]);
    });

    it.each([
      'containerPort: 81, hostPort: 8080',
      'containerPort: 80',
      'containerPort: 80, hostPort: 8080, protocol: udp',
    ])('makes the others 127.0.0.1: %s is another one', (other) => {
      const { spec, warnings } = loadText(mappings(six.replace('8080', '0'), other.replace('8080', '0')));
      expect(spec.nodes[0]?.extraPortMappings).toMatchObject([{ listenAddress: '127.0.0.1' }, {}]);
      expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/becomes 127/)]);
    });

    it('leaves them alone where there is no IPv4', () => {
      const { spec } = loadText(`networking: { ipFamily: ipv6 }\n${mappings(six)}`);
      expect(spec.nodes[0]?.extraPortMappings).toMatchObject([{ listenAddress: '::1' }]);
    });

    it('keeps the places of those behind', () => {
      const four = six.replace('::1', '127.0.0.1');
      expect(refusal(() => loadText(mappings(four, six, 'containerPort: 70000'))).problems).toMatchObject([
        { path: 'nodes[0].extraPortMappings[2].containerPort' },
      ]);
    });
  });

  it('keeps numbers in labels as they are written', () => {
    const { spec } = loadText('nodes: [{ labels: { a: 1.20, b: 007, c: true } }]\n');
    expect(spec.nodes[0]?.labels).toEqual({ a: '1.20', b: '007', c: 'true' });
  });

  it('cannot reach into JavaScript', () => {
    const kubelet = '{ kind: KubeletConfiguration, __proto__: { polluted: true } }';
    const text = `kubeadmConfigPatches: ["${kubelet}", "{ kind: ClusterConfiguration, constructor: {} }"]\n`;
    loadText(text);
    expect({}).not.toHaveProperty('polluted');
  });
});

/** Only what differs from a cluster that no flags ask for. */
function inShort(spec: ClusterSpec): unknown {
  const { nodes, ...rest } = spec;
  const shortNodes = nodes.map((node) => {
    const { name, role } = node;
    return { name, ...(unusual(node, nodeSpec({ name, role })) as object) };
  });
  return { ...(unusual(rest, clusterSpec()) as object | undefined), nodes: shortNodes };
}

function unusual(value: unknown, usual: unknown): unknown {
  if (JSON.stringify(value) === JSON.stringify(usual)) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const known = (typeof usual === 'object' ? usual : {}) as Record<string, unknown>;
  const entries = Object.entries(value).map(([key, inner]) => [key, unusual(inner, known[key])] as const);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}
