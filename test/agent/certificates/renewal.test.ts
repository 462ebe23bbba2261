import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { CertificatesConfig } from '../../../src/agent/certificates/config.ts';
import { renderExpiry } from '../../../src/agent/certificates/metrics.ts';
import { renewDue } from '../../../src/agent/certificates/renew.ts';
import { requestsPath } from '../../../src/agent/certificates/request.ts';
import { answer } from '../../../src/agent/certificates/sign.ts';
import { ApiError } from '../../../src/clients/kubernetes/client.ts';
import type { SigningRequestObject } from '../../../src/clients/kubernetes/objects.ts';
import { issuePki, secondsLeft } from '../../../src/pki/issue.ts';
import type { KeyMaterial } from '../../../src/pki/issue.ts';
import { renewalRequest } from '../../../src/pki/x509.ts';
import { machineOf, nodesOf, planOf } from '../../fixtures/cluster.ts';
import { fakeApi } from '../fake-api.ts';

const day = 24 * 60 * 60;
const made = new Date('2030-01-01T00:00:00Z');
const later = new Date('2030-11-10T00:00:00Z'); // 52 days before they end
const plan = planOf({ spec: { nodes: nodesOf('control-plane', 'worker') } });
const controlPlane = configOf(machineOf(plan));
const worker = configOf(machineOf(plan, 1));
const material = issuePki(plan.pki, new Map(), made);

let folder: string;

function configOf({ files }: ReturnType<typeof machineOf>): CertificatesConfig {
  const content = files.find(({ path }) => path === '/etc/kubernetes/knest-certificates.json')?.content;
  if (!content || !('text' in content)) throw new Error('no knest-certificates.json');
  return JSON.parse(content.text) as CertificatesConfig;
}

/** The configuration with its files in a folder of the test. */
async function laidOut(config: CertificatesConfig): Promise<CertificatesConfig> {
  const names = [...config.certificates.map(({ name }) => name), ...config.authorities];
  for (const file of names.flatMap((name) => [`${name}.crt`, `${name}.key`])) {
    await writeFile(join(folder, file), await pem(file));
  }
  return { ...config, folder, pending: join(folder, 'pending') };
}

async function pem(file: string, from: Promise<KeyMaterial> = material): Promise<string> {
  const text = (await from).get(file);
  if (text === undefined) throw new Error(`no ${file}`);
  return text;
}

const written = (file: string): Promise<string> => readFile(join(folder, file), 'utf8');
const noApi = () => Promise.reject(new Error('nobody is to be asked'));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-certificates-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a control plane', () => {
  it('renews what is about to end: the same key, subject and names, for another year', async () => {
    const config = await laidOut(controlPlane);
    const restart = vi.fn(() => Promise.resolve());
    const renewed = await renewDue(config, { now: later, openApi: noApi, restart });
    expect(renewed).toEqual(config.certificates.map(({ name }) => name));
    expect(renewed).toContain('admin');
    for (const name of renewed) {
      const [old, fresh] = [await pem(`${name}.crt`), await written(`${name}.crt`)].map(
        (text) => new X509Certificate(text),
      ) as [X509Certificate, X509Certificate];
      expect([name, fresh.subject, fresh.subjectAltName, fresh.keyUsage]).toEqual([
        ...[name, old.subject, old.subjectAltName],
        old.keyUsage,
      ]);
      expect(fresh.publicKey.equals(old.publicKey)).toBe(true);
      expect(fresh.serialNumber).not.toBe(old.serialNumber);
      expect(secondsLeft(fresh.toString(), later)).toBe(365 * day);
      const authority = plan.pki.certificates.find((one) => one.name === name)?.authority ?? '';
      expect(fresh.verify(new X509Certificate(await pem(`${authority}.crt`)).publicKey)).toBe(true);
      expect(await written(`${name}.key`)).toBe(await pem(`${name}.key`));
    }
    // Kubernetes 1.20: of all it runs only the kubelet's serving certificate is not read again
    expect(restart.mock.calls).toEqual([['kubelet.service']]);
    expect(await renewDue(config, { now: later, openApi: noApi, restart })).toEqual([]);
    expect(restart).toHaveBeenCalledTimes(1);
  });

  it('does nothing while certificates last', async () => {
    const config = await laidOut(controlPlane);
    const restart = vi.fn(() => Promise.resolve());
    const now = new Date('2030-10-30T00:00:00Z');
    expect(await renewDue(config, { now, openApi: noApi, restart })).toEqual([]);
    expect(restart).not.toHaveBeenCalled();
  });

  it('restarts later what it could not restart', async () => {
    const config = await laidOut(controlPlane);
    const failing = () => Promise.reject(new Error('systemd is busy'));
    await expect(renewDue(config, { now: later, openApi: noApi, restart: failing })).rejects.toThrow(
      'kubelet.service: systemd is busy',
    );
    const restart = vi.fn(() => Promise.resolve());
    expect(await renewDue(config, { now: later, openApi: noApi, restart })).toEqual([]);
    expect(restart.mock.calls).toEqual([['kubelet.service']]);
  });

  it('leaves what nobody of the cluster has signed, says so, and renews the others', async () => {
    const config = await laidOut(controlPlane);
    const strangers = issuePki(plan.pki, new Map(), made);
    await writeFile(join(folder, 'admin.crt'), await pem('admin.crt', strangers));
    const around = { now: later, openApi: noApi, restart: () => Promise.resolve() };
    await expect(renewDue(config, around)).rejects.toThrow(
      'admin: no authority of this cluster has signed it',
    );
    expect(secondsLeft(await written('scheduler.crt'), later)).toBe(365 * day);
  });

  it('tells the seconds that are left', async () => {
    const config = await laidOut(controlPlane);
    expect(renderExpiry(config, made)).toContain(
      `knest_certificate_expiry_seconds{name="admin"} ${365 * day}\n`,
    );
    expect(renderExpiry(config, made)).toContain(`{name="ca"} ${3650 * day}\n`);
  });
});

describe('a worker', () => {
  it('has no key of an authority', () => {
    expect(worker.authorities).toEqual([]);
    const files = machineOf(plan, 1).files.map(({ path }) => path);
    expect(files.filter((path) => /ca\.key$/.test(path))).toEqual([]);
  });

  it('asks, and gets what a control plane has signed', async () => {
    const config = await laidOut(worker);
    const signer = { ...controlPlane, folder };
    await writeFile(join(folder, 'ca.crt'), await pem('ca.crt'));
    await writeFile(join(folder, 'ca.key'), await pem('ca.key'));
    const api = fakeApi();
    api.put('/api/v1/nodes', { metadata: { name: 'knest-worker' } });
    const create = api.create.bind(api);
    api.create = async (path, object) => {
      const asked = {
        ...object,
        spec: { ...(object as SigningRequestObject).spec, username: 'system:knest-agent:knest-worker' },
      };
      const there = await create(path, asked);
      await answer(signer, api, there as SigningRequestObject, later);
      return there;
    };
    const around = { now: later, openApi: () => Promise.resolve(api), restart: () => Promise.resolve() };
    expect(await renewDue(config, around)).toEqual([
      ...['knest-agent-knest-worker', 'kube-proxy', 'kubelet-knest-worker', 'kubelet-serving-knest-worker'],
    ]);
    const fresh = new X509Certificate(await written('kubelet-serving-knest-worker.crt'));
    expect(fresh.subjectAltName).toContain('DNS:knest-worker');
    expect(secondsLeft(fresh.toString(), later)).toBe(365 * day);
  });
});

describe('what is no renewal', () => {
  const user = 'system:knest-agent:knest-worker';

  /** Why a control plane denies a request. */
  async function denial(
    certificate: string,
    key: string,
    { username = user, present = certificate, now = later, nodeIsThere = true } = {},
  ): Promise<string | undefined> {
    const config = await laidOut(controlPlane);
    const api = fakeApi();
    const get = api.get.bind(api);
    api.get = (path) => {
      if (path.startsWith('/api/v1/nodes/') && !nodeIsThere) return Promise.reject(new ApiError(404, 'no'));
      return get(path);
    };
    const request = Buffer.from(renewalRequest(await pem(`${certificate}.crt`), await pem(`${key}.key`)));
    const made = await api.create<SigningRequestObject>(requestsPath, {
      metadata: {
        name: 'one',
        annotations: { 'knest.dev/present-certificate': await pem(`${present}.crt`) },
      },
      spec: { request: request.toString('base64'), signerName: 'knest.dev/renewal', usages: [], username },
    });
    await answer(config, api, made, now);
    const { status } = api.object(requestsPath, 'one') as SigningRequestObject;
    const [condition] = status?.conditions ?? [];
    expect(status?.certificate === undefined).toBe(condition?.type === 'Denied');
    return condition?.type === 'Denied' ? condition.message : undefined;
  }

  const own = 'kubelet-knest-worker';

  it('is refused with its reason', async () => {
    expect(await denial(own, own)).toBeUndefined();
    expect(await denial(own, own, { username: 'jane' })).toBe('jane is not the agent of a node');
    expect(await denial(own, 'kube-proxy')).toContain('another key or another subject');
    expect(await denial('kube-proxy', 'kube-proxy', { present: own })).toContain(
      'another key or another subject',
    );
    expect(await denial('admin', 'admin')).toBe('node knest-worker has no certificate of kubernetes-admin');
    expect(await denial('kubelet-knest-control-plane', 'kubelet-knest-control-plane')).toBe(
      'node knest-worker has no certificate of system:node:knest-control-plane',
    );
    expect(await denial('ca', 'ca')).toBe('authorities are not renewed in this way');
    expect(await denial(own, own, { now: new Date('2031-02-01') })).toBe('the present certificate has ended');
    expect(await denial(own, own, { nodeIsThere: false })).toBe('there is no node knest-worker');
    expect(await denial('etcd-healthcheck-client', 'etcd-healthcheck-client')).toBe(
      'this cluster has not signed the present certificate',
    );
  });
});
