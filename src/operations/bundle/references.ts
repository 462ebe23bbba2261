/** What a config only points at, certificates and manifests: in a bundle, as the files and URLs are out of reach there. */

import * as z from 'zod';

import { KnestError } from '../../errors.ts';
import { isPem } from '../../spec/registries.ts';
import type { ClusterSpec, ManifestObject } from '../../spec/types.ts';

const schema = z.object({
  /** PEM by path. */
  certificates: z.record(z.string(), z.string()),
  /** Objects by file, folder or URL. */
  manifests: z.record(
    z.string(),
    z.array(
      z.looseObject({
        apiVersion: z.string(),
        kind: z.string(),
        metadata: z.looseObject({ name: z.string() }),
      }),
    ),
  ),
});

export interface References {
  certificates: Readonly<Record<string, string>>;
  manifests: Readonly<Record<string, readonly ManifestObject[]>>;
}

/** @param resolved the same spec with what it points at */
export function referencesOf(spec: ClusterSpec, resolved: ClusterSpec): References {
  const certificates = (spec.registries ?? []).flatMap(({ ca }, index): [string, string][] => {
    const found = resolved.registries?.[index]?.ca;
    return ca === undefined || isPem(ca) || found === undefined ? [] : [[ca, found]];
  });
  const manifests = (resolved.manifests ?? []).map(({ from, objects = [] }) => [from, objects] as const);
  return { certificates: Object.fromEntries(certificates), manifests: Object.fromEntries(manifests) };
}

/** Puts it back. What the spec points at besides is left as it is. */
export function withReferences(spec: ClusterSpec, { certificates, manifests }: References): ClusterSpec {
  return {
    ...spec,
    registries: spec.registries?.map((entry) => ({
      ...entry,
      ca: entry.ca === undefined ? undefined : (certificates[entry.ca] ?? entry.ca),
    })),
    manifests: spec.manifests?.map((source) => {
      const objects = manifests[source.from];
      return objects ? { ...source, objects } : source;
    }),
  };
}

/** @throws KnestError */
export function parseReferences(text: string, file: string): References {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new KnestError(`${file} is not what knest has written`, {
      code: 'BUNDLE_UNUSABLE',
      hint: 'make it again: knest bundle create',
      cause: error,
    });
  }
}
