import { describe, expect, it } from 'vitest';

import { InputError } from '../../src/errors.ts';
import { loadSpec } from '../../src/spec/load.ts';

/** "path line:column" of all problems of a file. */
function placesOf(text: string): string[] {
  try {
    loadSpec({ config: { text, name: 'lab.yaml' }, flags: {} });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.problems.map(({ path, place }) => `${path} ${place?.line ?? '?'}:${place?.column ?? '?'}`);
  }
  throw new Error('no problem was found');
}

/** A text in which "^" stands where the only problem should be, and the place it stands at. */
function marked(text: string): { text: string; place: string } {
  const before = text.slice(0, text.indexOf('^')).replace('\uFEFF', '');
  const lines = before.split('\n');
  return { text: text.replace('^', ''), place: `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}` };
}

const knest = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n';
const kind = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';
const patch = (style: string, key = '') =>
  `${kind}nodes:\n- role: control-plane\nkubeadmConfigPatches:\n- ${key}${style}\n`;
const cluster = '    kind: ClusterConfiguration\n';

describe('problems are told with their place', () => {
  it.each([
    ['a value', 'name', `${knest}^name: B_d\n`],
    ['a key nobody knows', 'nmae', `${knest}^nmae: x\n`],
    [
      'a key of an item of a list',
      'nodes[1].role',
      `${knest}nodes:\n  - role: control-plane\n  - ^role: x\n`,
    ],
    ['a missing key of an item', 'nodes[1].role', `${knest}nodes:\n- role: control-plane\n- ^labels: {}\n`],
    ['a missing key of a mapping', 'podSecurity.defaults', `${knest}^podSecurity: {}\n`],
    ['an item', 'network.dnsSearch[1]', `${knest}network: { dnsSearch: [a.example, ^"b c"] }\n`],
    ['a file without a key it needs', 'kind', '# a comment\n^apiVersion: knest.dev/v1alpha1\n'],
    ['a list', '(the whole file)', '\n^- a\n'],
    [
      'the value of an alias',
      'nodes[0].labels.a',
      `${knest}nodes:\n- role: control-plane\n  labels: &l\n    ^a: 1\n`,
    ],
    [
      'a key behind an alias, where the anchor is',
      'nodes[0].labels.a',
      `${knest}nodes:\n- role: control-plane\n  labels: &l { ^a: "b c" }\n- role: worker\n  labels: {}\n`,
    ],
    [
      'a key that was merged, where it was written',
      'nodes[1].suite',
      `${knest}nodes:\n- &base\n  role: control-plane\n- <<: { ^suite: "X Y", role: worker }\n`,
    ],
    [
      'a key that replaces a merged one',
      'nodes[1].role',
      `${knest}nodes:\n- &base\n  role: control-plane\n- <<: *base\n  ^role: x\n`,
    ],
    [
      'a key of the second of two that are merged',
      'nodes[1].suite',
      `${knest}nodes:\n- role: control-plane\n- <<: [{ role: worker }, { ^suite: "X Y" }]\n`,
    ],
    [
      'a key in quotes, in JSON',
      'name',
      '{"apiVersion": "knest.dev/v1alpha1", "kind": "Cluster", ^"name": "B_d"}',
    ],
    ['a key after a tab', 'network.cni', `${knest}network: {\t\t^cni: x }\n`],
    ['lines that end as in Windows', 'network.cni', `${knest}network:\n  ^cni: x\n`.replaceAll('\n', '\r\n')],
    ['a text with a byte order mark', 'apiVersion', '\uFEFF^apiVersion: x\nkind: Cluster\n'],
    ['the second line after a byte order mark', 'kind', '\uFEFFapiVersion: knest.dev/v1alpha1\n^kind: x\n'],
    [
      'letters of several bytes',
      'name',
      '{apiVersion: knest.dev/v1alpha1, "kind": Cluster, source: /ä€, ^name: "É"}',
    ],
    ['a key after a document’s head', 'name', `%YAML 1.2\n---\n${knest}^name: B_d\n`],
    [
      'a number as a key',
      'nodes[0].labels.1',
      `${knest}nodes: [{ role: control-plane, labels: { ^1: "b c" } }]`,
    ],
    ['a syntax error', '', `${knest}name: ^[a\n`.replace('^[a\n', '[a\n^')],
    ['a key twice', '', `${knest}name: a\n^name: b\n`],
    ['a second document', '', `${knest}^---\n${kind}`],
    ['an alias of nothing', '', `${knest}name: ^*lost\n`],
    ['a value of kind’s', 'networking.ipFamily', `${kind}networking:\n  ^ipFamily: ipv5\n`],
    ['a key of kind’s', 'nodes[0].rloe', `${kind}nodes:\n- ^rloe: worker\n`],
    [
      'a value in a patch',
      'kubeadmConfigPatches[0].networking.dnsDomain',
      `${patch('|')}${cluster}    networking:\n      ^dnsDomain: example.org\n`,
    ],
    [
      'a value in a patch after blank lines, with Windows’ lines',
      'kubeadmConfigPatches[0].networking.dnsDomain',
      `${patch('|-')}\n\n${cluster}    networking: { ^dnsDomain: example.org }\n`.replaceAll('\n', '\r\n'),
    ],
    [
      'a value in the second document of a patch',
      'kubeadmConfigPatches[0].networking.dnsDomain',
      `${patch('|')}    kind: InitConfiguration\n    ---\n${cluster}    networking: { ^dnsDomain: example.org }\n`,
    ],
    [
      'a patch whose lines are not those of the file',
      'kubeadmConfigPatches[0].networking.dnsDomain',
      `${kind}kubeadmConfigPatches:\n- ^"kind: ClusterConfiguration\\nnetworking: { dnsDomain: example.org }"\n`,
    ],
    [
      'a value that two documents of a patch have',
      'kubeadmConfigPatches[0].scheduler',
      `${patch('^|')}${cluster}    scheduler: none\n    ---\n${cluster}    scheduler: {}\n`,
    ],
    [
      'a patch of one node',
      'nodes[0].kubeadmConfigPatches[0].scheduler',
      `${kind}nodes:\n- role: control-plane\n  kubeadmConfigPatches:\n  - |\n${cluster}    ^scheduler: none\n`,
    ],
  ])('%s', (_what, path, given) => {
    const { text, place } = marked(given);
    expect(placesOf(text)).toEqual([`${path} ${place}`]);
  });

  it('of a label behind an alias, for each node that has it', () => {
    const text = `${knest}nodes:\n- role: control-plane\n  labels: &l { a: "b c" }\n- role: worker\n  labels: *l\n`;
    expect(placesOf(text)).toEqual(['nodes[0].labels.a 5:16', 'nodes[1].labels.a 5:16']);
  });

  it('not of flags', () => {
    expect(() => loadSpec({ config: { text: knest, name: 'lab.yaml' }, flags: { name: 'A' } })).toThrow(
      expect.objectContaining({
        problems: [expect.not.objectContaining({ place: expect.anything() as object })],
      }),
    );
  });

  it('and as a link at the beginning of their line', () => {
    expect(() => loadSpec({ config: { text: `${knest}nmae: x\n`, name: 'lab.yaml' }, flags: {} })).toThrow(
      expect.objectContaining({
        details: [expect.stringMatching(/^lab\.yaml:3:1 {2}nmae: unknown key /) as string],
      }),
    );
  });
});

describe('texts that are no config', () => {
  const deep = (text: string) => expect.arrayContaining([expect.stringMatching(text) as string]) as unknown;
  const messages = (text: string): string[] => {
    try {
      loadSpec({ config: { text, name: 'lab.yaml' }, flags: {} });
    } catch (error) {
      if (error instanceof InputError) return error.problems.map(({ message }) => message);
      throw error;
    }
    return [];
  };

  it.each([
    ['lists in a line', `${knest}nodes: ${'['.repeat(20_000)}`],
    ['lists that end', `${knest}nodes: ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['lists in lines', `${knest}nodes:\n${'- '.repeat(20_000)}x\n`],
    [
      'mappings',
      `${knest}nodes:\n${Array.from({ length: 1200 }, (_, n) => `${' '.repeat(n)}a:\n`).join('')}`,
    ],
    [
      'aliases of aliases',
      `${knest}a0: &a0 [x]\n${Array.from({ length: 150 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}]\n`).join('')}`,
    ],
  ])('are refused: %s, too deep', (_what, text) => {
    expect(messages(text)).toEqual(deep('levels deep|Excessive alias'));
  });

  it('are refused: a mapping within itself', () => {
    expect(messages(`${knest}audit: &a { policy: *a }\n`)).toEqual(deep('.'));
  });

  it('are refused: megabytes', () => {
    expect(messages(`# ${'x'.repeat(1024 * 1024)}`)).toEqual(['is larger than 1 MB']);
  });
});

describe('reading takes time in proportion to the text', () => {
  const lines = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, n) => line(n)).join('');
  const node = 'nodes:\n- role: control-plane\n';
  const address = (n: number) => `10.${n >> 14}.${(n >> 6) & 255}.${(n & 63) * 4}`;

  it.each<[string, (count: number) => string]>([
    ['labels', (count) => `${knest}${node}  labels:\n${lines(count, (n) => `    l${n}: v\n`)}`],
    [
      'labels in a line',
      (count) => `${knest}nodes: [{ role: control-plane, labels: { ${lines(count, (n) => `l${n}: v, `)} } }]`,
    ],
    [
      'labels with problems',
      (count) => `${knest}${node}  labels:\n${lines(count, (n) => `    l${n}: "v w"\n`)}`,
    ],
    ['keys nobody knows', (count) => `${knest}${lines(count, (n) => `l${n}: v\n`)}`],
    [
      'one port at many addresses',
      (count) =>
        `${knest}${node}  extraPortMappings:\n${lines(count, (n) => `  - { containerPort: 1, hostPort: 1, listenAddress: ${address(n)} }\n`)}`,
    ],
    [
      'names in a patch of kind',
      (count) =>
        `${patch('|')}${cluster}    apiServer:\n      certSANs:\n${lines(count, (n) => `      - a${n}.example\n`)}`,
    ],
  ])(
    '%s',
    (_what, text) => {
      timeOf(text(200));
      // four times as much; sixteen times the time would be quadratic
      const ratioIsFine = () => timeOf(text(3000)) < 9 * timeOf(text(750)) + 60;
      // the collector of garbage may run in the middle of a measurement: only a second one that is slow counts
      expect(ratioIsFine() || ratioIsFine()).toBe(true);
    },
    60_000,
  );

  /** Milliseconds of a processor: others may use it as well. */
  function timeOf(text: string): number {
    const before = process.cpuUsage();
    try {
      loadSpec({ config: { text, name: 'lab.yaml' }, flags: {} });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }
});

describe('problems that show when the host is known', () => {
  const file = {
    name: 'kind.yaml',
    text: `${kind}networking: { kubeProxyMode: ipvs }\nnodes:\n- image: a:v1.30.0\n`,
  };
  const { placed } = loadSpec({ config: file, flags: { podSubnet: '10.0.0.0/16' } });
  const where = (path: string) => {
    const problem = placed({ path, message: 'm', hint: 'h' });
    expect(problem).toMatchObject({ message: 'm', hint: 'h' });
    return `${problem.path} ${problem.place?.line ?? '?'}:${problem.place?.column ?? '?'}`;
  };

  it.each([
    ['network.proxyMode', 'networking.kubeProxyMode 3:15'],
    ['kubernetesVersion', 'nodes[0].image 5:3'],
    ['nodes[0].role', 'nodes[0].role 5:3'],
    ['network.podSubnet', '--pod-subnet ?:?'],
    ['network.nodeSubnet', 'network.nodeSubnet ?:?'],
    ['', ' ?:?'],
  ])('%j is told as %j', (path, told) => {
    expect(where(path)).toBe(told);
  });

  it('keep a place that they have', () => {
    const problem = {
      path: 'network.proxyMode',
      place: { file: 'other.yaml', line: 1, column: 1 },
      message: 'm',
    };
    expect(placed(problem)).toEqual(problem);
  });
});
