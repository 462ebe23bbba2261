/** Which of kubeadm's documents applies to which node, as in kubeadm and kind. */

import type { ConfigPatch } from '../types.ts';
import type { Draft } from './draft.ts';
import { combined } from './json-patch.ts';
import {
  clusterConfiguration,
  initConfiguration,
  joinConfiguration,
  readFields,
  type Fields,
} from './kubeadm.ts';
import { asMergePatches, readPatches, type DocumentKind, type Patch } from './patches.ts';
import type { KindConfig } from './schema.ts';
import { given } from './values.ts';

/**
 * kubeadm init runs on the first control plane, with everything; kubeadm join runs on the others and reads nothing but
 * its JoinConfiguration. Patches of the cluster are applied to the documents of every node, before the node's own.
 */
export function readKubeadmPatches(kind: KindConfig, draft: Draft): void {
  const nodes = kind.nodes?.length ? kind.nodes : [{}];
  const ofCluster = readPatches(kind, [], draft);
  const first = Math.max(
    0,
    nodes.findIndex(({ role }) => (given(role) ?? 'control-plane') === 'control-plane'),
  );
  nodes.forEach((node, index) => {
    const own = readPatches(node, ['nodes', index], draft);
    const all = [...ofCluster, ...own];
    if (index === first) readInit(all, index, draft);
    else readJoin(all, own, index, draft);
  });
  // the config has no nodes: the patches are for kind's one default node
  const [only] = (draft.get(['nodes']) ?? []) as Record<string, unknown>[];
  if (only && !('role' in only)) only['role'] = 'control-plane';
}

function readInit(patches: readonly Patch[], node: number, draft: Draft): void {
  read('ClusterConfiguration', clusterConfiguration);
  read('InitConfiguration', initConfiguration);
  mergeConfig('KubeletConfiguration', ['components', 'kubelet', 'config'], patches, draft);
  readKubeProxy(patches, draft);
  for (const { kind, path } of patches) {
    if (kind === 'JoinConfiguration' && path[0] === 'nodes' && path[1] === node)
      draft.warn(
        path,
        'has no effect, as with kind: this node is the first control plane, which nothing joins',
      );
  }

  function read(kind: DocumentKind, fields: Fields): void {
    for (const { patch, from } of asMergePatches(kind, patches, draft))
      readFields(fields, patch, { path: from.path, draft, node });
  }
}

function readJoin(all: readonly Patch[], own: readonly Patch[], node: number, draft: Draft): void {
  for (const { patch, from } of asMergePatches('JoinConfiguration', all, draft))
    readFields(joinConfiguration, patch, { path: from.path, draft, node });
  for (const { kind, path } of own) {
    if (kind === 'JoinConfiguration' || kind === 'KubeletConfiguration') continue;
    draft.warn(path, `has no effect, as with kind: kubeadm reads ${kind} on the first control plane only`);
  }
  // kubeadm would not read it here; the wish is plain and can be met
  mergeConfig('KubeletConfiguration', ['nodes', node, 'kubelet', 'config'], all, draft, own);
}

/** @param counted the patches that count; the others are what they build on. */
function mergeConfig(
  kind: DocumentKind,
  to: readonly (string | number)[],
  patches: readonly Patch[],
  draft: Draft,
  counted: readonly Patch[] = patches,
): void {
  for (const { patch, from } of asMergePatches(kind, patches, draft)) {
    if (counted.includes(from)) draft.set(to, combined(draft.get(to) ?? {}, patch), from.path);
  }
}

/** The mode is a choice of the whole network; the rest is kube-proxy's own. */
function readKubeProxy(patches: readonly Patch[], draft: Draft): void {
  for (const { patch, from } of asMergePatches('KubeProxyConfiguration', patches, draft)) {
    const { mode, ...rest }: ConfigPatch = patch;
    if (given(mode) !== undefined) draft.set(['network', 'proxyMode'], mode, [...from.path, 'mode']);
    const to = ['components', 'kubeProxy', 'config'];
    if (Object.keys(rest).length > 0) draft.set(to, combined(draft.get(to) ?? {}, rest), from.path);
  }
}
