/** kind's kubeadm patches: texts of merge patches, and JSON patches, for the documents that kind writes for kubeadm. */

import { isMapping } from '../../formats/mapping.ts';
import { mergePatch } from '../../formats/merge-patch.ts';
import type { ConfigPatch } from '../types.ts';
import { readDocuments } from '../yaml.ts';
import type { Path } from '../problems.ts';
import type { Draft } from './draft.ts';
import { afterOperations, difference } from './json-patch.ts';
import type { KindNode } from './schema.ts';
import { without } from './values.ts';

const kubeadmVersions = /^kubeadm\.k8s\.io\/v1beta[1-4]$/;

/** The documents that there are, and the versions of them that can be read. */
const apiVersions = {
  ClusterConfiguration: kubeadmVersions,
  InitConfiguration: kubeadmVersions,
  JoinConfiguration: kubeadmVersions,
  KubeletConfiguration: /^kubelet\.config\.k8s\.io\/v1beta1$/,
  KubeProxyConfiguration: /^kubeproxy\.config\.k8s\.io\/v1alpha1$/,
} as const;

export type DocumentKind = keyof typeof apiVersions;

/** One patch of one document. */
export interface Patch {
  kind: DocumentKind;
  /** Where it is in kind's file. */
  path: Path;
  content: { merge: ConfigPatch } | { operations: unknown; listsOfArgs: boolean };
}

type Texts = Pick<KindNode, 'kubeadmConfigPatches' | 'kubeadmConfigPatchesJSON6902'>;

/** The patches of the cluster (origin: none) or of a node (origin: nodes, 0), in the order in which kind applies them. */
export function readPatches(texts: Texts, origin: Path, draft: Draft): Patch[] {
  const at = (key: string, index: number): Path => [...origin, key, index];
  const merges = (texts.kubeadmConfigPatches ?? []).flatMap((text, index) =>
    readMergePatches(text, at('kubeadmConfigPatches', index), draft),
  );
  const jsonPatches = (texts.kubeadmConfigPatchesJSON6902 ?? []).flatMap((entry, index) => {
    const path = at('kubeadmConfigPatchesJSON6902', index);
    const { group = '', version = '', kind, patch = '' } = entry;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const known = knownKind(kind, apiVersion === '' ? undefined : apiVersion, path, draft);
    const documents = documentsOf(patch, [...path, 'patch'], draft);
    if (known === undefined || documents === undefined) return [];
    const operations = documents.flat();
    return [{ kind: known, path, content: { operations, listsOfArgs: hasListsOfArgs(version, operations) } }];
  });
  return [...merges, ...jsonPatches];
}

/** Each patch of a document as a merge patch; kubeadm's lists of arguments as mappings. */
export function asMergePatches(
  kind: DocumentKind,
  patches: readonly Patch[],
  draft: Draft,
): { patch: ConfigPatch; from: Patch }[] {
  let document: ConfigPatch = generated[kind];
  return patches
    .filter((patch) => patch.kind === kind)
    .flatMap((from) => {
      const patch = asMergePatch(from, document, draft);
      if (patch === undefined) return [];
      document = mergePatch(document, patch) as ConfigPatch;
      return [{ patch, from }];
    });
}

/** What kind writes itself, as far as a patch can meet it (kind: pkg/cluster/internal/kubeadm/config.go). */
const generated: Record<DocumentKind, ConfigPatch> = {
  ClusterConfiguration: {
    apiServer: { certSANs: [], extraArgs: {} },
    controllerManager: { extraArgs: {} },
    scheduler: { extraArgs: {} },
    networking: {},
  },
  InitConfiguration: { nodeRegistration: { kubeletExtraArgs: {} } },
  JoinConfiguration: { nodeRegistration: { kubeletExtraArgs: {} } },
  KubeletConfiguration: {
    cgroupDriver: 'systemd',
    cgroupRoot: '/kubelet',
    failSwapOn: false,
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' },
  },
  KubeProxyConfiguration: { iptables: { minSyncPeriod: '1s' }, conntrack: { maxPerCore: 0 } },
};

function readMergePatches(text: string, path: Path, draft: Draft): Patch[] {
  return (documentsOf(text, path, draft) ?? []).flatMap((document) => {
    if (!isMapping(document)) {
      draft.problem(path, 'must be a mapping');
      return [];
    }
    const { apiVersion, kind } = document;
    const merge = without(document, 'apiVersion', 'kind', 'metadata');
    const known = knownKind(kind, apiVersion, path, draft);
    return known === undefined ? [] : [{ kind: known, path, content: { merge } }];
  });
}

function documentsOf(text: string, path: Path, draft: Draft): unknown[] | undefined {
  const read = readDocuments(text);
  if ('data' in read) return read.data;
  for (const { message, line, column } of read.faults)
    draft.problem(path, `is not YAML: line ${line}, column ${column}: ${message}`);
  return undefined;
}

/** kind applies a patch to what has the same kind and, if that is said, the same apiVersion; else to nothing. */
function knownKind(kind: unknown, apiVersion: unknown, path: Path, draft: Draft): DocumentKind | undefined {
  const known = Object.keys(apiVersions).find((name): name is DocumentKind => name === kind);
  if (known === undefined) {
    const what = kind === undefined ? 'has no kind' : `is for kind ${JSON.stringify(kind)}`;
    draft.warn(
      path,
      `${what}, which there is none of: applied to nothing`,
      `known are ${Object.keys(apiVersions).join(', ')}`,
    );
    return undefined;
  }
  if (apiVersion === undefined || (typeof apiVersion === 'string' && apiVersions[known].test(apiVersion)))
    return known;
  draft.warn(path, `is for ${JSON.stringify(apiVersion)}, which ${known} does not have: applied to nothing`);
  return undefined;
}

/** From v1beta4 on, extra arguments are a list; a patch without a version tells by where it points. */
function hasListsOfArgs(version: string, operations: readonly unknown[]): boolean {
  if (version !== '') return version === 'v1beta4';
  return operations.some((one) => {
    const path = isMapping(one) ? one['path'] : undefined;
    return typeof path === 'string' && /xtraArgs\/(-|\d+)(\/|$)/.test(path);
  });
}

function asMergePatch(
  { content, path }: Patch,
  document: ConfigPatch,
  draft: Draft,
): ConfigPatch | undefined {
  if ('merge' in content) return argsAsMappings(content.merge, path, draft) as ConfigPatch;
  const before = content.listsOfArgs ? (argsAsLists(document) as ConfigPatch) : document;
  const result = afterOperations(before, content.operations);
  if ('document' in result)
    return difference(document, argsAsMappings(result.document, path, draft) as ConfigPatch);
  draft.problem(path, result.problem);
  return undefined;
}

const isArgs = (key: string) => key === 'extraArgs' || key === 'kubeletExtraArgs';

/** extraArgs: [{ name: v, value: "4" }] -> extraArgs: { v: "4" }, wherever it is. */
function argsAsMappings(data: unknown, path: Path, draft: Draft): unknown {
  if (!isMapping(data)) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => {
      const place = [...path, key];
      const args = isArgs(key) && Array.isArray(value) ? mappingOf(value, place, draft) : value;
      return [key, argsAsMappings(args, place, draft)];
    }),
  );
}

const joinValues = 'join the values with commas if the flag takes that';

function mappingOf(list: readonly unknown[], path: Path, draft: Draft): Record<string, unknown> {
  const args = new Map<string, unknown>();
  list.forEach((item, index) => {
    const place = [...path, index];
    const { name, value = null } = isMapping(item) ? item : {};
    if (typeof name !== 'string') draft.problem(place, 'must have a name and a value');
    else if (args.has(name))
      draft.problem(place, `gives --${name} again; knest gives a flag once`, joinValues);
    else args.set(name, value);
  });
  return Object.fromEntries(args);
}

function argsAsLists(data: unknown): unknown {
  if (!isMapping(data)) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      isArgs(key) && isMapping(value)
        ? Object.entries(value).map(([name, text]) => ({ name, value: text }))
        : argsAsLists(value),
    ]),
  );
}
