import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { loadSpec, type SpecFlags } from '../../src/spec/load.ts';

const folder = new URL('../fixtures/config/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

function load(name: string, flags: SpecFlags = {}) {
  return loadSpec({ config: { text: readFileSync(new URL(name, folder), 'utf8'), name }, flags });
}

/** The problems that loading finds, one line each; fails when it finds none. */
function problems(flags: SpecFlags, text?: string): string[] {
  try {
    loadSpec({
      flags,
      ...(text === undefined ? {} : { config: { text: `${header}${text}`, name: 'c.yaml' } }),
    });
  } catch (error) {
    if (error instanceof InputError) return [...error.details];
    throw error;
  }
  throw new Error('no problem was found');
}

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
    expect(loadSpec({ flags: {} })).toEqual({
      name: 'knest',
      kubernetes: { version: undefined, source: 'auto', releaseMirror: undefined },
      image: { suite: 'trixie', mirror: undefined },
      manager: 'auto',
      network: { mode: 'bridge', nodeSubnet: undefined, podSubnet: undefined, serviceSubnet: undefined },
      nodes: [{ role: 'control-plane' }],
    });
  });
});

describe('flags', () => {
  it('override the file', () => {
    const spec = load('valid-full.yaml', {
      name: 'other',
      source: 'release',
      kubernetesVersion: 'v1.36.2',
      podSubnet: '10.99.0.0/16',
    });
    expect(spec).toMatchObject({
      name: 'other',
      kubernetes: {
        version: 'v1.36.2',
        source: 'release',
        releaseMirror: 'https://mirror.example/kubernetes',
      },
      network: { nodeSubnet: '10.90.0.0/24', podSubnet: '10.99.0.0/16' },
    });
  });

  it('are named in their problems', () => {
    expect(
      problems({
        name: 'A',
        network: 'host',
        releaseMirror: 'x',
        nodeSubnet: '10.0.0.0/30',
        source: 'relase',
      }),
    ).toEqual([
      expect.stringMatching(/^--name: "A" must be lower-case/),
      expect.stringMatching(/^--source: .*did you mean "release"\?$/),
      '--release-mirror (or KNEST_RELEASE_MIRROR): "x" is not an http or https URL',
      '--network: must be "bridge", not "host"',
      '--node-subnet: "10.0.0.0/30" is too small: at most /28, because every node needs an address',
    ]);
  });

  it('and the file are checked against each other', () => {
    const text = 'network: { podSubnet: 10.0.0.0/16 }\nsuit: sid\n';
    expect(problems({ nodeSubnet: '10.0.7.0/24' }, text)).toEqual([
      'suit: unknown key (did you mean "suite"?)',
      'network.podSubnet: 10.0.0.0/16 overlaps --node-subnet 10.0.7.0/24',
    ]);
  });

  it('can repair an overlap of the file', () => {
    expect(load('valid-full.yaml', { nodeSubnet: '10.93.0.0/24' }).network.nodeSubnet).toBe('10.93.0.0/24');
    expect(() => load('invalid-overlap.yaml', { podSubnet: '10.2.0.0/16' })).not.toThrow();
  });
});

describe('versions', () => {
  it.each([
    ['1.20.2', 'v1.20.2'],
    ['v1.20.2', 'v1.20.2'],
    ['v1.37.0-rc.1', 'v1.37.0-rc.1'],
  ])('%s is %s', (given, expected) => {
    expect(loadSpec({ flags: { kubernetesVersion: given } }).kubernetes.version).toBe(expected);
  });

  it.each(['1.20', 'latest', 'v1.20.2+really', '1.020.2', ''])('%j is refused', (given) => {
    expect(problems({ kubernetesVersion: given })).toEqual([
      `--kubernetes-version: "${given}" is not a whole Kubernetes version like v1.20.2`,
    ]);
  });
});

describe('names', () => {
  it.each(['a', '0', 'a-b', 'a'.repeat(40)])('%s is accepted', (name) => {
    expect(loadSpec({ flags: { name } }).name).toBe(name);
  });

  it.each(['', '-a', 'a-', 'a.b', 'a b', 'a/../b', 'É', 'a\n', 'a'.repeat(41)])('%j is refused', (name) => {
    expect(problems({ name })).toHaveLength(1);
  });
});

describe('subnets', () => {
  it.each([
    ['nodeSubnet', '10.0.0.0/8', '172.16.0.0/28', '10.0.0.0/7', '10.0.0.0/29'],
    ['podSubnet', '10.0.0.0/8', '10.0.0.0/22', '8.0.0.0/7', '10.0.0.0/23'],
    ['serviceSubnet', '10.96.0.0/12', '10.96.0.0/24', '10.96.0.0/11', '10.96.0.0/25'],
  ] as const)('%s: from %s to %s, not %s, not %s', (key, largest, smallest, tooLarge, tooSmall) => {
    expect(loadSpec({ flags: { [key]: largest } }).network[key]).toBe(largest);
    expect(loadSpec({ flags: { [key]: smallest } }).network[key]).toBe(smallest);
    expect(problems({ [key]: tooLarge })).toEqual([expect.stringContaining('is too large')]);
    expect(problems({ [key]: tooSmall })).toEqual([expect.stringContaining('is too small')]);
  });

  it.each([
    ['127.0.0.0/16', 'loopback'],
    ['169.254.0.0/16', 'link-local'],
    ['0.0.0.0/16', 'this network'],
    ['10.0.0.1/16', 'the subnet is 10.0.0.0/16'],
    ['fd00::/48', 'IPv6'],
    ['10.0/16', 'not an IPv4 subnet'],
  ])('%s is refused: %s', (podSubnet, why) => {
    expect(problems({ podSubnet })).toEqual([expect.stringContaining(why)]);
  });

  it('overlap is told once for each pair', () => {
    expect(
      problems({ nodeSubnet: '10.0.0.0/24', podSubnet: '10.0.0.0/16', serviceSubnet: '10.0.0.0/20' }),
    ).toHaveLength(3);
  });
});

describe('nodes', () => {
  it('an empty list has no control plane', () => {
    expect(problems({}, 'nodes: []\n')).toEqual(['nodes: no control plane (add "- role: control-plane")']);
  });
});
