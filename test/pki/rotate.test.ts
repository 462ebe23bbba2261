import { X509Certificate } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { certificatesIn, splitBundle } from '../../src/pki/bundle.ts';
import { issuePki, requireMaterial, signingCertificate } from '../../src/pki/issue.ts';
import type { KeyMaterial } from '../../src/pki/issue.ts';
import { rotate } from '../../src/pki/rotate.ts';
import { nodesOf, planOf } from '../fixtures/cluster.ts';

const { pki } = planOf({ spec: { nodes: nodesOf('control-plane', 'worker') } });
const now = new Date('2030-02-28T12:00:00Z');
const first = issuePki(pki, new Map(), now);
const trusted = first.then((material) => rotate('trust', pki, material, now));
const signing = trusted
  .then((material) => rotate('sign', pki, material, now))
  .then((one) => issuePki(pki, one, now));
const alone = signing
  .then((material) => rotate('forget', pki, material, now))
  .then((one) => issuePki(pki, one, now));

/** Whether what one node has is believed by another. */
function believes(
  by: KeyMaterial,
  of: KeyMaterial,
  { name, authority }: (typeof pki.certificates)[number],
): boolean {
  const certificate = new X509Certificate(requireMaterial(of, `${name}.crt`));
  return certificatesIn(requireMaterial(by, `${authority}.crt`)).some((one) =>
    certificate.verify(one.publicKey),
  );
}

describe('exchanging authorities', () => {
  it('nodes of one stage and of the next one believe each other', async () => {
    const stages = await Promise.all([first, trusted, signing, alone]);
    for (const [index, material] of stages.entries()) {
      const next = stages[index + 1] ?? material;
      for (const certificate of pki.certificates) {
        expect([index, certificate.name, believes(material, next, certificate)]).toEqual([
          index,
          certificate.name,
          true,
        ]);
        expect([index, certificate.name, believes(next, material, certificate)]).toEqual([
          index,
          certificate.name,
          true,
        ]);
      }
    }
  });

  it('ends with nothing that the old ones have signed, and with nobody that trusts them', async () => {
    const [old, fresh] = await Promise.all([first, alone]);
    for (const { name } of pki.authorities) {
      expect(fresh.get(`${name}.key`)).not.toBe(old.get(`${name}.key`));
      expect(splitBundle(requireMaterial(fresh, `${name}.crt`))).toHaveLength(1);
      expect(splitBundle(requireMaterial(await signing, `${name}.crt`))).toHaveLength(2);
    }
    for (const certificate of pki.certificates) {
      expect(believes(old, fresh, certificate)).toBe(false);
      // who knows an old key knows nothing of the new cluster
      expect(fresh.get(`${certificate.name}.key`)).not.toBe(old.get(`${certificate.name}.key`));
    }
  });

  it('a stage again changes nothing', async () => {
    expect(await rotate('trust', pki, await trusted, now)).toEqual(await trusted);
    expect(await issuePki(pki, await rotate('sign', pki, await signing, now), now)).toEqual(await signing);
    expect(await issuePki(pki, await rotate('forget', pki, await alone, now), now)).toEqual(await alone);
  });

  it('killed between the files of a stage, it goes on with the same authorities', async () => {
    const [before, after] = await Promise.all([trusted, signing]);
    for (const { name } of pki.authorities) {
      const half = new Map([...before, [`${name}.key`, requireMaterial(after, `${name}.key`)]]);
      expect(signingCertificate(half, name)).toBe(before.get(`${name}-next.crt`));
      // whichever command comes next
      const mended = await issuePki(pki, half, now);
      expect(mended.get(`${name}.key`)).toBe(after.get(`${name}.key`));
      expect(splitBundle(requireMaterial(mended, `${name}.crt`)).sort()).toEqual(
        splitBundle(requireMaterial(after, `${name}.crt`)).sort(),
      );
    }
  });
});
