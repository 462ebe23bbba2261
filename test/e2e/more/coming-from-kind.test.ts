/** Config files from kind's own documentation, unchanged: what they ask for is there. */

import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { kindLines } from '../../../scripts/kind-lines.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { mainFile, must, run, succeeded } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { busyboxPieces, writeDockerArchive } from '../support/image.ts';
import { pod } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-kind';
const fixture = (file: string) => fileURLToPath(new URL(`../../fixtures/kind/${file}`, import.meta.url));

describeScenario('coming from kind', { story: false }, (scenario) => {
  const create = (file: string) =>
    scenario.ok(['create', 'cluster', '--name', name, '--config', file], { cwd: scenario.folder });
  const remove = async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  };
  const nodeNames = async () =>
    (await scenario.kubectl(name, ['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}']))
      .split(' ')
      .sort();

  it('multi-node clusters (quick start)', async () => {
    await create(fixture('quick-start-multi-node-clusters.yaml'));
    expect(await nodeNames()).toEqual([`${name}-control-plane`, `${name}-worker`, `${name}-worker2`]);
    await remove();
  });

  it('auditing: flags, volumes and mounts of the API server', async () => {
    await copyFile(fixture('auditing.yaml'), `${scenario.folder}/kind-config.yaml`);
    const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] };
    await writeFile(`${scenario.folder}/audit-policy.yaml`, JSON.stringify(policy));
    await create(`${scenario.folder}/kind-config.yaml`);
    const log = '/var/log/kubernetes/kube-apiserver-audit.log';
    const lines = await scenario.ok(['exec', `${name}-control-plane`, '--', 'wc', '-l', log]);
    expect(Number.parseInt(lines, 10)).toBeGreaterThan(100);
    await remove();
  });

  it('NodePort with port mappings', async () => {
    const config = (
      await readFile(fixture('configuration-nodeport-with-port-mappings.yaml'), 'utf8')
    ).replace(
      // the host of the tests may have a web server
      'hostPort: 80',
      'hostPort: 18081',
    );
    await writeFile(`${scenario.folder}/ports.yaml`, config);
    await create(`${scenario.folder}/ports.yaml`);
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'foo' },
      spec: {
        type: 'NodePort',
        selector: { app: 'foo' },
        ports: [{ port: 5678, targetPort: 8080, nodePort: 30950 }],
      },
    };
    const items = [pod('foo', 'echo foo > /www/index.html; exec httpd -f -p 8080 -h /www'), service];
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    const answer = await eventually('curl localhost', () =>
      must(['curl', '-fsS4', '--max-time', '3', '--noproxy', '*', 'http://localhost:18081/']),
    );
    expect(answer.trim()).toBe('foo');
    await remove();
  });

  it('lines of scripts, one after the other, as docs/coming-from-kind.md has them', async () => {
    const programs = `${scenario.folder}/programs`;
    await mkdir(programs);
    const install = async (program: string, script: string) => {
      await writeFile(`${programs}/${program}`, `#!/bin/sh\n${script}\n`);
      await chmod(`${programs}/${program}`, 0o755);
    };
    await writeDockerArchive(`${scenario.folder}/app.tar`, 'app:1', await busyboxPieces('kind'));
    await install('knest', `exec "${process.execPath}" "${mainFile}" "$@"`);
    // stands for Docker: an image of its own, and one archive of it
    const docker = `case "$2" in inspect) echo '[{"Id": "sha256:0"}]' ;; save) cat ${scenario.folder}/app.tar ;; esac`;
    await install('docker', docker);
    const env = {
      PATH: `${programs}:${process.env['PATH'] ?? ''}`,
      KNEST_STATE_DIR: scenario.state,
      KUBECONFIG: scenario.kubeconfig,
      HOME: scenario.folder,
    };
    const inScript = async (line: string) => {
      const argv = ['sh', '-ec', line.replaceAll('demo', name)];
      return succeeded(argv, await run(argv, { env, cwd: scenario.folder })).stdout;
    };
    const printed = new Map<string, string>();
    for (const { knest, only } of kindLines) {
      if (knest === undefined || only === 'shown') continue;
      printed.set(knest, await inScript(knest));
    }
    const of = (start: string) => [...printed].find(([line]) => line.startsWith(start))?.[1] ?? '';
    expect(of('knest get clusters')).toBe(name);
    expect(of('knest load docker-image')).toMatch(/docker\.io\/library\/app:1 +loaded +docker/);
    expect(of('knest load image-archive')).toMatch(/docker\.io\/library\/app:1 +present/);
    expect(of('knest kubectl --name demo -- -n kube-system get configmap kube-proxy')).toContain(
      'KubeProxyConfiguration',
    );
    expect(of('knest kubectl --name demo -- get --raw /readyz?verbose')).toContain('readyz check passed');
    const logs = `${scenario.folder}/logs`;
    expect(await readdir(`${logs}/${name}-control-plane`)).toEqual(
      expect.arrayContaining(['journal.log', 'units', 'images.json']),
    );
    const everything = await must(['grep', '-rhoc', 'PRIVATE KEY', logs]).catch(() => '0');
    expect(everything).not.toMatch(/[1-9]/);
    await scenario.expectCleanHost();
  });

  it('a network add-on of the user’s: nodes wait for it, create does not', async () => {
    await create(fixture('configuration-disable-default-cni.yaml'));
    const why = '{.items[0].status.conditions[?(@.type=="Ready")].message}';
    expect(await scenario.kubectl(name, ['get', 'nodes', '-o', `jsonpath=${why}`])).toContain(
      'NetworkPluginNotReady',
    );
    await remove();
  });

  it('kubeadm patches, on two control planes and two workers', async () => {
    await create(fixture('configuration-patches-join-labels.yaml'));
    const withLabel = (label: string) => scenario.kubectl(name, ['get', 'nodes', '-l', label, '-o', 'name']);
    expect(await withLabel('my-label2=true')).toBe(`node/${name}-worker2`);
    expect(await withLabel('my-label3=true')).toBe(`node/${name}-control-plane2`);
    await remove();
  });

  it('what cannot be had is refused, with the reason, before anything is made', async () => {
    const config = fixture('configuration-kube-proxy-mode.yaml');
    const { exitCode, stderr } = await scenario.knest([
      'create',
      'cluster',
      '--name',
      name,
      '--config',
      config,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('nftables');
    await scenario.expectCleanHost();
  });
});
