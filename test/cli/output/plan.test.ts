import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readlink, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planFiles, writePlanDirectory } from '../../../src/cli/output/plan-directory.ts';
import { planJson } from '../../../src/cli/output/plan-json.ts';
import { renderPlan } from '../../../src/cli/output/plan-text.ts';
import type { PlannedFile } from '../../../src/plan/types.ts';
import { localHost } from '../../../src/host/local.ts';
import { runCli } from '../run-cli.ts';
import { plan } from './plan-fixture.ts';

const api = { planCluster: () => Promise.resolve({ plan, facts: {} as never }) };

describe('a plan as text', () => {
  it('reads well', async () => {
    await expect(renderPlan(plan)).toMatchFileSnapshot('../../fixtures/plan-text.txt');
  });

  it('is the result of plan cluster', async () => {
    expect((await runCli(['plan', 'cluster'], { api })).stdout).toBe(renderPlan(plan));
    expect(JSON.parse((await runCli(['plan', 'cluster', '-o', 'json'], { api })).stdout)).toEqual(
      JSON.parse(JSON.stringify(plan)),
    );
  });
});

it("never prints the hash of root's password", () => {
  const hash = '$6$salt$hash';
  const file = { path: '/etc/shadow', mode: 0o640, content: { rootPassword: hash, shadow: '/layer/shadow' } };
  const secret = { ...plan, machines: plan.machines.map((machine) => ({ ...machine, files: [file] })) };
  const texts = [renderPlan(secret), planJson(secret), JSON.stringify(planFiles(secret))];
  for (const text of texts) {
    expect(text).toContain('/layer/shadow');
    expect(text).not.toContain(hash);
  }
});

const desk = { local: localHost(), env: {} };

describe('a plan as a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-plan-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const read = (path: string) => readFile(join(folder, path), 'utf8');

  it('holds every file where it will be', async () => {
    const ran = await runCli(['plan', 'cluster', '-o', `dir:${folder}`], { api });
    expect(ran).toMatchObject({ exitCode: 0, stdout: '' });
    const root = 'machines/demo-control-plane/root';
    expect(await read(`${root}/etc/hostname`)).toBe('demo-control-plane\n');
    expect(await read(`${root}/etc/kubernetes/pki/etcd-ca.crt`)).toContain(
      'made when the cluster is created',
    );
    expect(await readlink(join(folder, root, 'etc/localtime'))).toBe('/usr/share/zoneinfo/UTC');
    expect(await read(`${root}/etc/systemd/system/k8s.target.wants/etcd.service`)).toContain('ExecStart=');
    expect((await stat(join(folder, 'host/setup.sh'))).mode & 0o777).toBe(0o755);
    expect(JSON.parse(await read('plan.json'))).toMatchObject({ version: 3, cluster: 'demo' });
    expect(await read('pki.txt')).toContain(
      'certificate etcd-server by etcd-ca CN=etcd O=system:masters server client',
    );
  });

  it('has scripts that a shell understands', async () => {
    await writePlanDirectory(plan, folder, desk);
    const setup = await read('host/setup.sh');
    expect(setup).toContain("# a bridge\nip link show 'br 0' >/dev/null 2>&1 || ip link add 'br 0'\n");
    expect(setup).toContain("# NAT\nnft -f - <<'END_'\ntable ip knest {\nEND\n}\nEND_\n");
    expect(await read('host/teardown.sh')).toContain("ip link delete 'br 0' || true\n");
    for (const name of ['setup.sh', 'teardown.sh']) {
      await promisify(execFile)('sh', ['-n', join(folder, 'host', name)]);
    }
  });

  it('is not mixed with what is there already', async () => {
    await writePlanDirectory(plan, folder, desk);
    const ran = await runCli(['plan', 'cluster', '-o', `dir:${folder}`], { api });
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('is not empty');
  });

  it('never writes through a planned link', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'knest-elsewhere-'));
    await symlink('/', join(elsewhere, 'marker'));
    const files: PlannedFile[] = [
      { path: '/opt/there', mode: 0o777, content: { link: elsewhere } },
      { path: '/opt/there/file', mode: 0o644, content: { text: 'x' } },
    ];
    const machines = plan.machines.map((machine) => ({ ...machine, files }));
    await expect(writePlanDirectory({ ...plan, machines }, folder, desk)).rejects.toThrow(
      /EISDIR|EEXIST|directory/,
    );
    await expect(stat(join(elsewhere, 'file'))).rejects.toThrow('ENOENT');
    await rm(elsewhere, { recursive: true });
  });

  it('names no file twice', () => {
    const paths = planFiles(plan).map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
  });
});
