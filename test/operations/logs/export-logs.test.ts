import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { localHost } from '../../../src/host/local.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type * as machines from '../../../src/operations/find-machines.ts';
import { exportLogs } from '../../../src/operations/logs/export-logs.ts';
import { issuePki } from '../../../src/pki/issue.ts';
import type { KeyMaterial } from '../../../src/pki/issue.ts';
import { markCreated, writeCluster, writeKeyMaterial } from '../../../src/state/clusters.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { clusterSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';
import { fakeManager } from '../../fixtures/machine-manager.ts';

const stopped = 'knest-worker';
let secret = '';
const manager = fakeManager(
  {
    'journalctl --no-pager --output=short-precise': 'the kubelet says hello',
    systemctl: 'units',
    ip: 'addresses',
    kubelet: 'Kubernetes v1.20.2',
    findmnt: '/',
  },
  {
    leader: ({ name }) => Promise.resolve(name === stopped ? undefined : 102),
    consoleTail: () => Promise.resolve(['booting', secret]),
  },
);
vi.mock('../../../src/operations/find-machines.ts', async (original) => ({
  ...(await original<typeof machines>()),
  openManager: () => Promise.resolve(manager),
}));

const paths = { state: '/state', cache: '/cache' };
let folder: string;
let material: KeyMaterial;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-logs-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function run(path: string) {
  const spec = clusterSpec({ nodes: nodesOf('control-plane', 'worker') });
  const plan = planOf({ spec });
  material = await issuePki(plan.pki, new Map(), new Date());
  secret = material.get('ca.key') ?? '';
  const archive = pack();
  archive.entry({ name: 'pods', type: 'directory' });
  archive.entry({ name: 'pods/default_web/web/0.log' }, `a pod that prints ${secret}`);
  archive.finalize();
  const logs = await buffer(archive);
  const host = memoryHost({
    programs: {
      tar: async ({ stdout }) => {
        stdout.end(logs);
        return Promise.resolve(0);
      },
    },
    answers: { uname: { stdout: 'Linux' }, 'systemd-nspawn': { stdout: 'systemd 252' } },
  });
  await writeCluster(host, paths, spec, plan);
  await writeKeyMaterial(host, paths, 'knest', material, new Map());
  await markCreated(host, paths, plan, material, new Date());
  const workstation = { ...thisWorkstation(), local: localHost(), env: {} };
  return exportLogs({ host, paths, workstation, name: 'knest', path });
}

async function contents(of: string): Promise<Map<string, string>> {
  const names = await readdir(of, { recursive: true });
  const files = await Promise.all(
    names.map(async (name): Promise<[string, string][]> =>
      (await stat(join(of, name))).isFile() ? [[name, await readFile(join(of, name), 'utf8')]] : [],
    ),
  );
  return new Map(files.flat());
}

describe('export logs', () => {
  it('gathers what can be had, says what cannot, and leaves secrets out', async () => {
    const path = join(folder, 'new');
    const { problems } = await run(path);
    const files = await contents(path);
    expect(files.get('knest-control-plane/journal.log')).toBe('the kubelet says hello');
    expect(files.get('knest-control-plane/units/kubelet.log')).toBe('the kubelet says hello');
    expect(files.get('knest-control-plane/pods/default_web/web/0.log')).toContain(
      'a pod that prints <private key>',
    );
    expect(JSON.parse(files.get('versions.json') ?? '')).toMatchObject({
      kubernetes: 'v1.20.2',
      kernel: 'Linux',
    });
    expect(JSON.parse(files.get('plan.json') ?? '')).toMatchObject({ cluster: 'knest' });
    // nobody answers kubectl here, and one node does not run
    expect(problems).toContainEqual(expect.stringMatching(/^cluster\/nodes\.yaml: /));
    expect(problems).toContainEqual(expect.stringContaining(`${stopped}: does not run`));
    expect(files.get('problems.txt')).toContain('cluster/nodes.yaml');
    const keys = [...material].filter(([file]) => file.endsWith('.key'));
    const lines = keys.flatMap(([, pem]) =>
      pem.split('\n').filter((line) => line.length > 30 && !line.startsWith('-')),
    );
    expect(lines.length).toBeGreaterThan(5);
    const whole = [...files.values()].join('\n');
    expect(lines.filter((line) => whole.includes(line))).toEqual([]);
    for (const [, pem] of keys) expect(whole).not.toContain(Buffer.from(pem).toString('base64'));
  });

  it('is one archive on request', async () => {
    const path = join(folder, 'report.tar.gz');
    await run(path);
    const names = execFileSync('tar', ['--list', '--file', path], { encoding: 'utf8' }).split('\n');
    expect(names).toContain('report/knest-control-plane/journal.log');
    expect(await readdir(folder)).toEqual(['report.tar.gz']);
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  it('is not mixed with what is there', async () => {
    await writeFile(join(folder, 'mine'), '');
    await expect(run(folder)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
