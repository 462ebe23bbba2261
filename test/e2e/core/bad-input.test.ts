/** What users get wrong, and hosts that are not fit: a clear sentence with its place, a hint, and nothing touched. */

import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, expect, it } from 'vitest';

import { exitCodes } from '../../../src/errors.ts';
import { mainFile, must, run } from '../support/cli.ts';
import { describeScenario } from '../support/scenario.ts';

interface BadInput {
  what: string;
  /** After "create cluster", unless a command is given. */
  args: string[];
  command?: string[];
  /** Given on standard input as --config. */
  config?: string;
  exitCode: number;
  says: (RegExp | string)[];
}

const create = ['create', 'cluster'];
const { usage, preflight, notFound, failed } = exitCodes;

const header = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n';

const inputs: BadInput[] = [
  {
    what: 'several mistakes in a config file, all at once',
    args: ['--config', '-'],
    config: `${header}nmae: demo\nnodes: 3\nnetwork:\n  nodeSubnet: 10.1.2.3/24\n  podSubnt: 10.9.0.0/16\n`,
    exitCode: usage,
    says: [
      /^ {2}stdin:3:1 {2}nmae: .*/m,
      /name/,
      /^ {2}stdin:4:1 {2}nodes: /m,
      /^ {2}stdin:6:3 {2}network\.nodeSubnet: /m,
      /^ {2}stdin:7:3 {2}network\.podSubnt: /m,
      'podSubnet',
    ],
  },
  {
    what: 'a config file that is no YAML',
    args: ['--config', '-'],
    config: `${header}name: [`,
    exitCode: usage,
    says: [/stdin:\d+:\d+ {2}/],
  },
  {
    what: 'a config file that is not there',
    args: ['--config', '/no/such/file.yaml'],
    exitCode: usage,
    says: ['/no/such/file.yaml'],
  },
  {
    what: 'a name that is no DNS label',
    args: ['--name', 'Not_A_Name'],
    exitCode: usage,
    says: [/--name: .*Not_A_Name/],
  },
  {
    what: 'an unknown flag',
    args: ['--nmae', 'x'],
    exitCode: usage,
    says: ["unknown option '--nmae'", '--name'],
  },
  {
    what: 'an unknown command',
    command: ['crate', 'cluster'],
    args: [],
    exitCode: usage,
    says: ["unknown command 'crate'", 'create'],
  },
  { what: 'a duration that is none', args: ['--wait', 'soon'], exitCode: usage, says: ['--wait', '5m'] },
  {
    what: 'subnets that overlap each other',
    args: ['--node-subnet', '10.55.0.0/16', '--pod-subnet', '10.55.128.0/17'],
    exitCode: usage,
    says: ['--pod-subnet', '10.55.0.0/16'],
  },
  {
    what: 'a pod subnet with room for no node',
    args: ['--pod-subnet', '10.55.0.0/28'],
    exitCode: usage,
    says: ['--pod-subnet'],
  },
  {
    what: 'a version that is none',
    args: ['--kubernetes-version', 'newest'],
    exitCode: usage,
    says: [/--kubernetes-version: .*newest/, 'v1.'],
  },
  {
    what: 'a version that Debian does not have',
    args: ['--source', 'debian', '--kubernetes-version', 'v1.99.0'],
    exitCode: usage,
    says: ['--kubernetes-version: Debian has no source of Kubernetes v1.99.0', 'v1.20.2'],
  },
  {
    what: 'a folder that is not there',
    args: ['--source', '/no/such/folder'],
    exitCode: usage,
    says: ['source: there is no directory /no/such/folder'],
  },
  {
    what: 'a folder without binaries',
    args: ['--source', '/etc'],
    exitCode: usage,
    says: [/source: \/etc lacks kube-apiserver, .*kubectl/],
  },
  {
    what: 'a source that is none',
    args: ['--source', 'github'],
    exitCode: usage,
    says: [/--source: .*github/],
  },
  {
    what: 'a cluster that is not there',
    command: ['status', 'cluster', '--name', 'nobody'],
    args: [],
    exitCode: notFound,
    says: ['there is no cluster "nobody"', 'knest create cluster'],
  },
  {
    what: 'a kubectl for no cluster',
    command: ['kubectl', '--name', 'nobody', '--', 'get', 'nodes'],
    args: [],
    exitCode: notFound,
    says: ['there is no cluster "nobody"'],
  },
  {
    what: 'a node that is not there',
    command: ['exec', 'nobody', '--', 'true'],
    args: [],
    exitCode: notFound,
    says: ['there is no node "nobody"'],
  },
  {
    what: 'an image for no cluster',
    command: ['load', 'image-archive', '/etc/hostname', '--name', 'nobody'],
    args: [],
    exitCode: notFound,
    says: ['there is no cluster "nobody"'],
  },
];

describeScenario('bad input', { story: false }, (scenario) => {
  // nothing at all, not even an empty folder
  afterEach(async () => {
    await scenario.expectCleanHost();
    await expect(stat(scenario.state)).rejects.toThrow('ENOENT');
    await expect(stat(scenario.kubeconfig)).rejects.toThrow('ENOENT');
  });

  it.each(inputs)('$what', async ({ args, command = create, config, exitCode, says }) => {
    const options = config === undefined ? {} : { input: config };
    const outcome = await scenario.knest([...command, ...args], options);
    expectClear(outcome.stderr, says);
    expect(outcome.stdout).toBe('');
    expect(outcome.exitCode).toBe(exitCode);
  });

  it('a subnet that the host uses', async () => {
    const routes = JSON.parse(await must(['ip', '-j', '-4', 'route'])) as { dst: string; dev: string }[];
    const route = routes.find(({ dst }) => dst.includes('/'));
    if (!route) return;
    const { stderr, exitCode } = await scenario.knest([...create, '--node-subnet', route.dst]);
    expectClear(stderr, [
      '--node-subnet',
      `${route.dst} overlaps ${route.dst}`,
      route.dev,
      'finds one that is free',
    ]);
    expect(exitCode).toBe(usage);
  });

  it('not being root', async (context) => {
    const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const { exitCode: unreadable } = await run([...nobody, '--', 'test', '-r', mainFile]);
    if (unreadable !== 0) context.skip(`${mainFile} is readable for nobody but its owner`);
    const { stderr, exitCode } = await scenario.knest(create, { through: nobody });
    expectClear(stderr, ['permission denied', 'knest needs root', 'sudo']);
    expect(exitCode).toBe(preflight);
  });

  it('no space for the image', async () => {
    const cache = join(scenario.folder, 'small');
    await must(['mkdir', cache]);
    await must(['mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', cache]);
    try {
      const env = { KNEST_CACHE_DIR: cache };
      const { stderr, exitCode } = await scenario.knest([...create, '--source', 'debian'], { env });
      expectClear(stderr, [/Only 0\.0 GiB are free .* at least \d GiB/, 'KNEST_CACHE_DIR']);
      expect(exitCode).toBe(preflight);
      expect(await readdir(cache)).toEqual([]);
    } finally {
      await must(['umount', cache]);
    }
  });

  it('a Debian mirror that does not answer', async () => {
    const cache = join(scenario.folder, 'empty');
    const env = { KNEST_CACHE_DIR: cache };
    const args = [...create, '--source', 'debian', '--mirror', 'http://127.0.0.1:1'];
    const { stderr, exitCode } = await scenario.knest(args, { env });
    expectClear(stderr, ['http://127.0.0.1:1', '--mirror']);
    expect(exitCode).toBe(failed);
    const left = await readdir(cache, { recursive: true }).catch(() => []);
    expect(left.filter((path) => path !== 'layers')).toEqual([]);
  });

  it('a broken kubeconfig', async () => {
    const file = join(scenario.folder, 'broken.yaml');
    await writeFile(file, 'clusters: [\n');
    const { stderr, exitCode } = await scenario.knest([...create, '--name', 'e2e-bad', '--kubeconfig', file]);
    expectClear(stderr, [file, 'is not a kubeconfig']);
    // it is found before anything is made
    expect(stderr).not.toContain('Certificates');
    expect(exitCode).toBe(usage);
  });
});

function expectClear(stderr: string, says: readonly (RegExp | string)[]): void {
  for (const text of says) {
    if (typeof text === 'string') expect(stderr).toContain(text);
    else expect(stderr).toMatch(text);
  }
  expect(stderr).not.toContain('this is a bug in knest');
  expect(stderr, 'a stack trace').not.toMatch(/^\s+at .+:\d+:\d+/m);
}
