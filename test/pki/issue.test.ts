import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign, verify, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { issuePki, needsRenewal, requireMaterial } from '../../src/pki/issue.ts';
import type { KeyMaterial } from '../../src/pki/issue.ts';
import type { PlannedCertificate } from '../../src/pki/types.ts';
import { planOf } from '../fixtures/cluster.ts';

const { pki } = planOf();
const now = new Date('2030-02-28T12:00:00Z');
let material: KeyMaterial;

beforeAll(async () => {
  material = await issuePki(pki, new Map(), now);
});

describe.each(pki.authorities)('authority $name', ({ name, commonName }) => {
  it('signs itself and may sign others', () => {
    const certificate = certificateOf(name);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe(`CN=${commonName}`);
    expect(certificate.issuer).toBe(certificate.subject);
  });
});

describe.each(pki.certificates)('certificate $name', (planned) => {
  it('is signed by its authority alone', () => {
    const certificate = certificateOf(planned.name);
    for (const { name } of pki.authorities) {
      const authority = certificateOf(name);
      expect(certificate.verify(authority.publicKey), name).toBe(name === planned.authority);
      expect(certificate.checkIssued(authority), name).toBe(name === planned.authority);
    }
    expect(certificate.ca).toBe(false);
  });

  it('says who it is and what for', () => {
    const certificate = certificateOf(planned.name);
    const groups = planned.organizations.map((organization) => `O=${organization}`);
    expect(certificate.subject.split('\n').sort()).toEqual([`CN=${planned.commonName}`, ...groups].sort());
    expect(certificate.subjectAltName?.split(', ').sort() ?? []).toEqual(namesOf(planned));
    // OIDs of serverAuth and clientAuth (RFC 5280, 4.2.1.12)
    const oids = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };
    expect([...certificate.keyUsage].sort()).toEqual(planned.usages.map((usage) => oids[usage]).sort());
  });

  it('belongs to its key', () => {
    const key = createPrivateKey(requireMaterial(material, `${planned.name}.key`));
    expect(certificateOf(planned.name).checkPrivateKey(key)).toBe(true);
    expect(key.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });
});

describe('issuePki', () => {
  it('makes exactly what is planned', () => {
    const expected = [...pki.authorities, ...pki.certificates].flatMap(({ name }) => [
      `${name}.crt`,
      `${name}.key`,
    ]);
    expect([...material.keys()].sort()).toEqual([...expected, 'sa.key', 'sa.pub'].sort());
  });

  it('makes a key pair that fits together', () => {
    const data = Buffer.from('token');
    const signature = sign('sha256', data, requireMaterial(material, 'sa.key'));
    expect(verify('sha256', data, createPublicKey(requireMaterial(material, 'sa.pub')), signature)).toBe(
      true,
    );
  });

  it('gives each certificate a positive serial number of its own, and a year, authorities ten', () => {
    const certificates = [...pki.authorities, ...pki.certificates].map(({ name }) => certificateOf(name));
    const serials = certificates.map(({ serialNumber }) => serialNumber);
    expect(new Set(serials).size).toBe(serials.length);
    for (const { serialNumber, validFrom, validTo, ca } of certificates) {
      // 16 bytes whose first bit is not set
      expect(serialNumber).toMatch(/^[0-7][0-9A-F]{31}$/);
      expect(new Date(validFrom).toISOString()).toBe('2030-02-28T11:55:00.000Z');
      expect(new Date(validTo).toISOString()).toBe(
        ca ? '2040-02-26T12:00:00.000Z' : '2031-02-28T12:00:00.000Z',
      );
    }
  });

  it('keeps everything when it is there already', async () => {
    const again = await issuePki(pki, material, new Date('2030-12-01'));
    expect(Object.fromEntries(again)).toEqual(Object.fromEntries(material));
  });

  it.each(['admin.crt', 'admin.key', 'sa.key', 'sa.pub'])('makes a pair anew without %s', async (lost) => {
    const pair = lost.startsWith('sa') ? ['sa.key', 'sa.pub'] : ['admin.crt', 'admin.key'];
    expect(await changedWithout(new Map([...material].filter(([name]) => name !== lost)))).toEqual(pair);
  });

  it.each(['etcd-ca.crt', 'etcd-ca.key'])(
    'makes all certificates of an authority anew without %s',
    async (lost) => {
      const changed = await changedWithout(new Map([...material].filter(([name]) => name !== lost)));
      const signed = pki.certificates
        .filter(({ authority }) => authority === 'etcd-ca')
        .map(({ name }) => name);
      expect(signed.length).toBe(4);
      expect(changed).toEqual(
        ['etcd-ca', ...signed].flatMap((name) => [`${name}.crt`, `${name}.key`]).sort(),
      );
    },
  );

  it('makes a certificate anew that belongs to another key, or is not one', async () => {
    const strange = new Map([...material, ['admin.key', material.get('scheduler.key') ?? '']]);
    expect(await changedWithout(strange)).toEqual(['admin.crt', 'admin.key']);
    expect(await changedWithout(new Map([...material, ['admin.crt', 'garbage']]))).toEqual([
      'admin.crt',
      'admin.key',
    ]);
  });

  it('makes a certificate anew when its machine has got another address', async () => {
    const changed = pki.certificates.map((certificate) =>
      certificate.name === 'apiserver-knest-control-plane'
        ? {
            ...certificate,
            dnsNames: [...certificate.dnsNames, '*.example.test'],
            ipAddresses: ['198.51.100.5'],
          }
        : certificate,
    );
    const made = await issuePki({ ...pki, certificates: changed }, material, now);
    const fresh = [...made].flatMap(([name, text]) => (material.get(name) === text ? [] : [name])).sort();
    expect(fresh).toEqual(['apiserver-knest-control-plane.crt']);
    expect(await issuePki({ ...pki, certificates: changed }, made, now)).toEqual(made);
  });

  it('convinces openssl', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-pki-'));
    try {
      for (const [name, text] of material) await writeFile(join(folder, name), text, { mode: 0o600 });
      for (const { name, authority, usages } of pki.certificates) {
        for (const usage of usages) {
          const argv = ['verify', '-x509_strict', '-purpose', `ssl${usage}`, '-attime', `${+now / 1000}`];
          const output = execFileSync('openssl', [...argv, '-CAfile', `${authority}.crt`, `${name}.crt`], {
            cwd: folder,
            encoding: 'utf8',
          });
          expect(output).toBe(`${name}.crt: OK\n`);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('requireMaterial', () => {
  it('names what is missing', () => {
    expect(() => requireMaterial(new Map(), 'ca.crt')).toThrow('no key material called ca.crt');
  });
});

function certificateOf(name: string): X509Certificate {
  return new X509Certificate(requireMaterial(material, `${name}.crt`));
}

function namesOf({ dnsNames, ipAddresses }: PlannedCertificate): string[] {
  return [...dnsNames.map((name) => `DNS:${name}`), ...ipAddresses.map((ip) => `IP Address:${ip}`)].sort();
}

/** Issues with what is left, checks that it fits together, and tells which of the original files are other ones now. */
async function changedWithout(left: KeyMaterial): Promise<string[]> {
  const made = await issuePki(pki, left, now);
  for (const { name, authority } of pki.certificates) {
    const certificate = new X509Certificate(requireMaterial(made, `${name}.crt`));
    const issuer = new X509Certificate(requireMaterial(made, `${authority}.crt`));
    expect(certificate.verify(issuer.publicKey), name).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(requireMaterial(made, `${name}.key`))), name).toBe(
      true,
    );
  }
  return [...made].flatMap(([name, text]) => (material.get(name) === text ? [] : [name])).sort();
}

describe('certificates that end', () => {
  const daysBeforeEnd = (days: number): Date =>
    new Date(new Date(certificateOf('admin').validTo).getTime() - days * 24 * 60 * 60_000);

  it.each([
    [31, false],
    [29, true],
    [-1, true],
  ])('%d days from now are renewed: %s', (days, expected) => {
    expect(needsRenewal(requireMaterial(material, 'admin.crt'), daysBeforeEnd(days))).toBe(expected);
  });

  it('are issued anew by their authority, which stays', async () => {
    const later = daysBeforeEnd(29);
    const renewed = await issuePki(pki, material, later);
    for (const { name } of pki.certificates) {
      expect(renewed.get(`${name}.crt`)).not.toBe(material.get(`${name}.crt`));
      expect(needsRenewal(requireMaterial(renewed, `${name}.crt`), later)).toBe(false);
    }
    for (const { name } of pki.authorities) {
      expect(renewed.get(`${name}.crt`)).toBe(material.get(`${name}.crt`));
    }
  });
});
