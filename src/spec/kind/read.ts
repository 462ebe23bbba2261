/** kind's config file -> a config in knest's words. */

import { posix } from 'node:path';
import type { Problem } from '../../errors.ts';
import { check } from '../check.ts';
import type { At, Path } from '../problems.ts';
import { apiVersion, configKind } from '../schema.ts';
import { containerdPatches } from './containerd.ts';
import { createDraft, type Draft } from './draft.ts';
import { readKubeadmPatches } from './documents.ts';
import { imageStandsFor } from './node-image.ts';
import { readPorts } from './ports.ts';
import { kindSchema, type KindConfig, type KindNode } from './schema.ts';
import { setSubnet } from './subnets.ts';
import { given, versionOfImage, withoutNulls } from './values.ts';

export interface KindReading {
  /** To be checked like any other config. */
  config: unknown;
  /** Where in kind's file a value of the config came from. */
  at: At;
  problems: readonly Problem[];
  /** What has no meaning here, and why. */
  warnings: readonly Problem[];
}

/**
 * @param directory what relative paths are relative to: as with kind, where the user is
 * @param inFile where things are in kind's file
 */
export function readKindConfig(data: unknown, directory: string, inFile: At): KindReading {
  const { valid: kind, problems } = check(kindSchema, withoutNulls(data), inFile);
  const draft = createDraft({ apiVersion, kind: configKind }, inFile);
  setGiven(draft, ['name'], given(kind.name), ['name']);
  setGiven(draft, ['featureGates'], kind.featureGates, ['featureGates']);
  setGiven(draft, ['runtimeConfig'], kind.runtimeConfig, ['runtimeConfig']);
  readNetworking(kind, draft);
  readNodes(kind, draft, directory);
  readKubeadmPatches(kind, draft);
  setGiven(draft, ['components', 'containerd', 'configPatches'], containerdPatches(kind, draft), [
    'containerdConfigPatches',
  ]);
  return { ...draft, problems: [...problems, ...draft.problems] };
}

function setGiven(draft: Draft, path: Path, value: unknown, origin: Path): void {
  if (value !== undefined) draft.set(path, value, origin);
}

function readNetworking({ networking = {} }: KindConfig, draft: Draft): void {
  const copy = (from: keyof typeof networking, to: Path) => {
    setGiven(draft, ['network', ...to], given(networking[from]), ['networking', from]);
  };
  copy('ipFamily', ['ipFamily']);
  copy('kubeProxyMode', ['proxyMode']);
  copy('dnsSearch', ['dnsSearch']);
  copy('apiServerAddress', ['apiServer', 'listenAddress']);
  // 0 and -1: any port
  if ((networking.apiServerPort ?? 0) > 0) copy('apiServerPort', ['apiServer', 'port']);
  if (networking.disableDefaultCNI)
    draft.set(['network', 'cni'], 'none', ['networking', 'disableDefaultCNI']);
  for (const key of ['podSubnet', 'serviceSubnet'] as const) {
    const text = given(networking[key]);
    if (text !== undefined) setSubnet(key, text, ['networking', key], draft);
  }
}

function readNodes({ nodes = [] }: KindConfig, draft: Draft, directory: string): void {
  if (nodes.length === 0) return;
  draft.set(
    ['nodes'],
    nodes.map((node, index) => nodeOf(node, ['nodes', index], draft, directory)),
    ['nodes'],
  );
  nodes.forEach(({ extraPortMappings = [] }, node) => {
    const path = ['nodes', node, 'extraPortMappings'];
    readPorts(extraPortMappings, path, draft).forEach(({ mapping, index }, position) => {
      draft.set([...path, position], mapping, [...path, index]);
    });
  });
  readImages(nodes, draft);
}

function nodeOf(node: KindNode, path: Path, draft: Draft, directory: string): Record<string, unknown> {
  const { role, labels, extraMounts = [] } = node;
  return {
    role: given(role) ?? 'control-plane',
    ...(labels && { labels: { ...labels } }),
    extraMounts: extraMounts.map((mount, index) =>
      mountOf(mount, [...path, 'extraMounts', index], draft, directory),
    ),
    extraPortMappings: [],
  };
}

function mountOf(
  {
    hostPath,
    containerPath,
    readOnly,
    selinuxRelabel,
    propagation,
  }: NonNullable<KindNode['extraMounts']>[number],
  path: Path,
  draft: Draft,
  directory: string,
): Record<string, unknown> {
  if (selinuxRelabel)
    draft.warn([...path, 'selinuxRelabel'], 'has no meaning here: knest changes no labels of files');
  if (propagation === 'Bidirectional') {
    const why = 'what a machine of systemd-nspawn mounts, the host never sees';
    draft.warn([...path, 'propagation'], `becomes HostToContainer: ${why}`);
  }
  return {
    ...(given(hostPath) !== undefined && { hostPath: resolved(hostPath ?? '', directory) }),
    ...(given(containerPath) !== undefined && { containerPath }),
    ...(readOnly !== undefined && { readOnly }),
    // Docker makes a directory where nothing is
    type: '',
    ...(given(propagation) !== undefined && {
      propagation: propagation === 'Bidirectional' ? 'HostToContainer' : propagation,
    }),
  };
}

/** An image stands for the Kubernetes version in its tag: the cluster's when all nodes have the same. */
function readImages(nodes: readonly KindNode[], draft: Draft): void {
  const images = nodes.map(({ image }) => given(image));
  const versions = images.map((image) => (image === undefined ? undefined : versionOfImage(image)));
  const told = new Set<string>();
  images.forEach((image, index) => {
    if (image === undefined || told.has(image)) return;
    told.add(image);
    draft.warn(['nodes', index, 'image'], imageStandsFor(image));
  });
  const [first] = versions;
  if (first !== undefined && versions.every((version) => version === first)) {
    draft.set(['kubernetesVersion'], first, ['nodes', 0, 'image']);
    return;
  }
  versions.forEach((version, index) => {
    if (version !== undefined)
      draft.set(['nodes', index, 'kubernetesVersion'], version, ['nodes', index, 'image']);
  });
}

/** As kind resolves it; but "~/x" nobody means as a folder called "~", which is refused where paths are checked. */
function resolved(hostPath: string, directory: string): string {
  return hostPath.startsWith('~') ? hostPath : posix.resolve(directory, hostPath);
}
