/**
 * Exchanging the authorities of a cluster for new ones, in stages that can each be repeated: the new one is trusted beside the
 * old one; it signs, and the old one is trusted beside it; the old one goes. The new one is NAME-next.{crt,key} meanwhile.
 */

import { certificateOfKey, splitBundle } from './bundle.ts';
import { lifetimesOf, requireMaterial } from './issue.ts';
import type { KeyMaterial } from './issue.ts';
import type { PkiPlan } from './types.ts';

export const rotationStages = ['trust', 'sign', 'forget'] as const;
export type RotationStage = (typeof rotationStages)[number];

/** Files that a rotation has besides those of the plan. */
export function rotationFiles({ authorities }: PkiPlan): string[] {
  return authorities.flatMap(({ name }) => [`${name}-next.crt`, `${name}-next.key`]);
}

/** What a stage makes of key material; of what it has made already, the same. Certificates are then for `issuePki`. */
export function rotate(
  stage: RotationStage,
  plan: PkiPlan,
  material: KeyMaterial,
  now: Date,
): Promise<KeyMaterial> | KeyMaterial {
  return { trust: trustNext, sign: signByNext, forget: forgetOld }[stage](plan, material, now);
}

async function trustNext(plan: PkiPlan, existing: KeyMaterial, now: Date): Promise<KeyMaterial> {
  const { issueAuthority } = await import('./x509.ts');
  const material = new Map(existing);
  for (const authority of plan.authorities) {
    const { name } = authority;
    const present = splitBundle(requireMaterial(material, `${name}.crt`));
    const known = nextOf(material, name);
    const next = known ?? (await issueAuthority(authority, { now, seconds: lifetimesOf(plan).authorities }));
    material.set(`${name}-next.key`, next.key);
    material.set(`${name}-next.crt`, next.certificate);
    material.set(`${name}.crt`, [...new Set([...present, next.certificate])].join(''));
  }
  return material;
}

/** What an earlier run has made, if it was not killed between the two files. */
function nextOf(material: KeyMaterial, name: string): { certificate: string; key: string } | undefined {
  const [bundle, key] = [material.get(`${name}-next.crt`), material.get(`${name}-next.key`)];
  if (bundle === undefined || key === undefined) return undefined;
  const certificate = certificateOfKey(bundle, key);
  return certificate === undefined ? undefined : { certificate, key };
}

function signByNext(plan: PkiPlan, existing: KeyMaterial): KeyMaterial {
  const material = new Map(existing);
  for (const { name } of plan.authorities) {
    const next = requireMaterial(material, `${name}-next.crt`);
    const others = splitBundle(requireMaterial(material, `${name}.crt`)).filter((one) => one !== next);
    material.set(`${name}.key`, requireMaterial(material, `${name}-next.key`));
    material.set(`${name}.crt`, [next, ...others].join(''));
  }
  return material;
}

function forgetOld(plan: PkiPlan, existing: KeyMaterial): KeyMaterial {
  const material = new Map(existing);
  for (const { name } of plan.authorities) {
    const [bundle, key] = [
      requireMaterial(material, `${name}.crt`),
      requireMaterial(material, `${name}.key`),
    ];
    material.set(`${name}.crt`, certificateOfKey(bundle, key) ?? bundle);
  }
  return material;
}
