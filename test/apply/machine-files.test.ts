import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';

import { agentProgram } from '../../src/workstation/agent-program.ts';
import { writeMachine, writePlanned } from '../../src/apply/machine-files.ts';
import { unitFiles } from '../../src/plan/unit-files.ts';
import { localHost } from '../../src/host/local.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { issuePki } from '../../src/pki/issue.ts';
import { planCluster } from '../../src/plan/cluster.ts';
import { secretsOf } from '../../src/spec/secrets.ts';
import { clusterSpec, fromDebian, machineOf, planOf } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

describe('writeMachine', () => {
  it('writes every planned file, unit and key with its mode; again is harmless', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-machine-'));
    try {
      const paths = { state: join(folder, 'state'), cache: join(folder, 'cache') };
      const plan = planCluster(
        clusterSpec({ manager: 'direct' }),
        hostFacts(),
        { cluster: fromDebian, nodes: {} },
        paths,
      );
      const machine = machineOf(plan);
      const material = await issuePki(plan.pki, new Map(), new Date());
      for (let time = 0; time < 2; time++) await writeMachine(localHost(), machine, material);
      for (const { path, mode, content } of [...machine.files, ...unitFiles(machine)]) {
        const real = join(machine.upper, path);
        if ('link' in content) {
          expect(await readlink(real), path).toBe(content.link);
        } else {
          const expected =
            'text' in content
              ? content.text
              : 'pki' in content
                ? material.get(content.pki)
                : (await agentProgram()).toString();
          expect(await readFile(real, 'utf8'), path).toBe(expected);
          expect((await stat(real)).mode & 0o777, path).toBe(mode);
        }
      }
      const modes = [machine.folder, machine.upper, join(machine.upper, 'etc/kubernetes/pki')].map(
        async (path) => (await stat(path)).mode & 0o777,
      );
      expect(await Promise.all(modes)).toEqual([0o700, 0o755, 0o700]);
      // what is bound in from elsewhere is not made
      expect((await readdir(join(machine.folder, 'data'))).sort()).toEqual([
        'containerd',
        'etcd',
        'knest-volumes',
        'kubelet',
      ]);
      expect((await readdir(machine.folder)).sort()).toEqual(['data', 'root', 'upper', 'work']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("gives root a password: in the image's list of users, the file being nobody else's", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-machine-'));
    try {
      const shadow = join(folder, 'shadow');
      await writeFile(shadow, 'root:*:20779:0:99999:7:::\ndaemon:*:20779:0:99999:7:::\n');
      const file = { path: '/etc/shadow', mode: 0o640, content: { rootPassword: '$6$a$b', shadow } };
      await writePlanned(localHost(), join(folder, 'upper'), file, new Map());
      const real = join(folder, 'upper/etc/shadow');
      expect(await readFile(real, 'utf8')).toBe(
        'root:$6$a$b:20779:0:99999:7:::\ndaemon:*:20779:0:99999:7:::\n',
      );
      expect((await stat(real)).mode & 0o777).toBe(0o640);
      const missing = { ...file, content: { ...file.content, shadow: join(folder, 'none') } };
      await expect(writePlanned(localHost(), folder, missing, new Map())).rejects.toThrow('is missing on');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses to make a machine without its keys', async () => {
    await expect(writeMachine(memoryHost(), machineOf(planOf()), new Map())).rejects.toThrow(
      'no key material called',
    );
  });
});

describe('unitFiles', () => {
  it('enables units as systemctl does', () => {
    expect(
      unitFiles({
        units: [
          { name: 'a.service', text: '[Unit]\n', wantedBy: 'k8s.target' },
          { name: 'b.service', text: '' },
        ],
      }),
    ).toEqual([
      { path: '/etc/systemd/system/a.service', mode: 0o644, content: { text: '[Unit]\n' } },
      {
        path: '/etc/systemd/system/k8s.target.wants/a.service',
        mode: 0o777,
        content: { link: '../a.service' },
      },
      { path: '/etc/systemd/system/b.service', mode: 0o644, content: { text: '' } },
    ]);
  });
});

describe('secrets', () => {
  it('are put in when the file is written, for root alone', async () => {
    const credentials = { username: 'alice', password: String.raw`a"b\$&` };
    const spec = clusterSpec({
      registries: [{ host: 'a.example', mirrors: [], ca: undefined, skipVerify: false, credentials }],
    });
    const file = machineOf(planOf({ spec })).files.find(({ path }) => path === '/etc/containerd/config.toml');
    if (!file) throw new Error('no configuration of containerd');
    const folder = await mkdtemp(join(tmpdir(), 'knest-secrets-'));
    try {
      await writePlanned(localHost(), folder, file, secretsOf(spec));
      const path = join(folder, file.path);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(parse(await readFile(path, 'utf8'))).toMatchObject({
        plugins: {
          'io.containerd.grpc.v1.cri': { registry: { configs: { 'a.example': { auth: credentials } } } },
        },
      });
      await expect(writePlanned(localHost(), folder, file, new Map())).rejects.toThrow(
        'password of a.example',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
