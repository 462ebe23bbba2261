/** What kubeadm's documents say, in the words of knest's config. */

import { isMapping } from '../../formats/mapping.ts';
import { didYouMean } from '../suggest.ts';
import type { Path } from '../problems.ts';
import type { Draft } from './draft.ts';
import { setSubnet } from './subnets.ts';
import { parseLabels, parseTaints, without } from './values.ts';

/** Where a value is, and which node it is for. */
export interface Place {
  path: Path;
  draft: Draft;
  /** Index of the node that the document is for. */
  node: number;
}

type Read = (value: unknown, place: Place) => void;
export interface Fields {
  readonly [key: string]: Read | Fields;
}

/** Reads a document, or a part of one. What is null asks for nothing. */
export function readFields(fields: Fields, value: unknown, place: Place): void {
  if (!isMapping(value)) {
    place.draft.problem(place.path, 'must be a mapping');
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    if (inner === null) continue;
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const here = { ...place, path: [...place.path, key] };
    if (typeof field === 'function') field(inner, here);
    else if (field !== undefined) readFields(field, inner, here);
    else here.draft.warn(here.path, 'is not known and left out', didYouMean(key, Object.keys(fields)));
  }
}

/** Fields that have no meaning in knest: a warning. */
function leftOut(why: string): Read {
  return (_value, { path, draft }) => {
    draft.warn(path, `has no meaning here: ${why}`);
  };
}

/** Fields that knest cannot honour, and without which the cluster would differ from what was asked for: a problem. */
function refused(why: string): Read {
  return (_value, { path, draft }) => {
    draft.problem(path, `cannot be done: ${why}`);
  };
}

const noImages = 'etcd and Kubernetes are programs in the nodes, not images';
const noKubeadm = 'there is no kubeadm and no joining; nodes get their certificates beforehand';
const environment = refused('knest gives components flags and files, no environment variables');
const staticPods = refused('there are no static pods to patch; flags can be given as extraArgs');

export const clusterConfiguration: Fields = {
  apiServer: {
    ...component('kubeApiserver'),
    certSANs: (value, { path, draft }) => {
      const place = ['network', 'apiServer', 'certSANs'];
      const names = Array.isArray(value) ? (value as unknown[]) : [value];
      const known = new Set((draft.get(place) ?? []) as unknown[]);
      for (const [index, name] of names.entries()) {
        if (known.has(name)) continue;
        draft.set([...place, known.size], name, [...path, index]);
        known.add(name);
      }
    },
    timeoutForControlPlane: leftOut('how long to wait is said with --wait'),
  },
  controllerManager: component('kubeControllerManager'),
  scheduler: component('kubeScheduler'),
  etcd: {
    local: {
      extraArgs: argsOf('etcd'),
      extraEnvs: environment,
      dataDir: leftOut("etcd's data is in /var/lib/etcd"),
      serverCertSANs: leftOut("etcd's certificates name its members"),
      peerCertSANs: leftOut("etcd's certificates name its members"),
      imageRepository: leftOut(noImages),
      imageTag: leftOut(noImages),
    },
    external: refused('knest runs etcd on the control planes itself'),
  },
  networking: {
    podSubnet: (value, { path, draft }) => {
      setSubnet('podSubnet', value, path, draft);
    },
    serviceSubnet: (value, { path, draft }) => {
      setSubnet('serviceSubnet', value, path, draft);
    },
    dnsDomain: (value, { path, draft }) => {
      if (value !== 'cluster.local')
        draft.problem(path, 'cannot be done: the domain of clusters is cluster.local');
    },
  },
  kubernetesVersion: leftOut('the version is said by the image of the nodes, or with --kubernetes-version'),
  clusterName: leftOut('the cluster is called what its name says'),
  controlPlaneEndpoint: leftOut('the address of the API is planned'),
  certificatesDir: leftOut('knest chooses where certificates are'),
  imageRepository: leftOut(noImages),
  dns: leftOut(noImages),
  proxy: leftOut('kube-proxy is a unit of every node'),
  useHyperKubeImage: leftOut(noImages),
  featureGates: leftOut(
    "these are kubeadm's own; those of Kubernetes belong into featureGates of the cluster",
  ),
  encryptionAlgorithm: leftOut('keys are EC P-256'),
  certificateValidityPeriod: leftOut('certificates last ten years'),
  caCertificateValidityPeriod: leftOut('certificates last ten years'),
};

const nodeRegistration: Fields = {
  kubeletExtraArgs: (value, place) => {
    readArgs(value, place, (name, text, origin) => {
      kubeletFlag(name, text, { ...place, path: origin });
    });
  },
  taints: (value, { path, draft, node }) => {
    const taints: unknown = Array.isArray(value) ? value.map(withoutTime) : value;
    draft.set(['nodes', node, 'taints'], taints, path);
  },
  name: leftOut('nodes are called NAME-control-plane, NAME-worker, NAME-worker2 and so on'),
  criSocket: leftOut('containerd is where knest puts it'),
  ignorePreflightErrors: leftOut(noKubeadm),
  imagePullPolicy: leftOut(noImages),
  imagePullSerial: leftOut(noImages),
};

const ofBoth: Fields = {
  nodeRegistration,
  patches: staticPods,
  skipPhases: (value, { path, draft }) => {
    for (const phase of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (phase === 'addon/kube-proxy' || phase === 'addon')
        draft.set(['network', 'proxyMode'], 'none', path);
      else draft.warn(path, `${JSON.stringify(phase)} has no meaning here: ${noKubeadm}`);
    }
  },
  timeouts: leftOut('how long to wait is said with --wait'),
  dryRun: leftOut('use "knest plan cluster"'),
};

export const initConfiguration: Fields = {
  ...ofBoth,
  bootstrapTokens: leftOut(noKubeadm),
  localAPIEndpoint: leftOut('addresses and ports of nodes are planned'),
  certificateKey: leftOut(noKubeadm),
};

export const joinConfiguration: Fields = {
  ...ofBoth,
  discovery: leftOut(noKubeadm),
  caCertPath: leftOut(noKubeadm),
  controlPlane: leftOut('addresses and ports of nodes are planned'),
};

type ComponentName = 'etcd' | 'kubeApiserver' | 'kubeControllerManager' | 'kubeScheduler';

function component(name: ComponentName): Fields {
  return { extraArgs: argsOf(name), extraVolumes: volumesOf(name), extraEnvs: environment };
}

function argsOf(name: ComponentName): Read {
  return (value, place) => {
    readArgs(value, place, (flag, text, origin) => {
      setFlag(place.draft, ['components', name, 'extraArgs', flag], text, origin);
    });
  };
}

/** null takes a flag away that an earlier patch gave. */
function readArgs(
  value: unknown,
  { path, draft }: Place,
  each: (name: string, text: string | null, origin: Path) => void,
): void {
  if (!isMapping(value)) {
    draft.problem(path, 'must be a mapping or a list');
    return;
  }
  for (const [name, text] of Object.entries(value)) {
    const origin = [...path, name];
    if (text === null) each(name, null, origin);
    else if (typeof text === 'string') each(name, text, origin);
    else if (typeof text === 'number' || typeof text === 'boolean') each(name, String(text), origin);
    else draft.problem(origin, 'must be text');
  }
}

function setFlag(draft: Draft, path: readonly (string | number)[], text: string | null, origin: Path): void {
  if (text === null) draft.unset(path);
  else draft.set(path, text, origin);
}

function volumesOf(name: ComponentName): Read {
  return (value, { path, draft }) => {
    const volumes: unknown = Array.isArray(value) ? value.map(volumeOf) : value;
    draft.set(['components', name, 'extraVolumes'], volumes, path);
  };
}

/** Types that only check what is there (Directory, Socket, ...) make nothing. */
function volumeOf(volume: unknown): unknown {
  if (!isMapping(volume)) return volume;
  const { pathType, readOnly = false } = volume;
  const create =
    pathType === 'DirectoryOrCreate' ? 'directory' : pathType === 'FileOrCreate' ? 'file' : 'none';
  return { ...without(volume, 'name', 'pathType'), readOnly, create };
}

/** Labels and taints are the node's in knest: a kubelet may not give itself all of them. */
function kubeletFlag(name: string, text: string | null, { path, draft, node }: Place): void {
  const labels = name === 'node-labels' && text !== null ? parseLabels(text) : undefined;
  const taints = name === 'register-with-taints' && text !== null ? parseTaints(text) : undefined;
  if (labels) {
    for (const [key, value] of Object.entries(labels)) draft.set(['nodes', node, 'labels', key], value, path);
  } else if (taints) {
    const known = (draft.get(['nodes', node, 'taints']) ?? defaultTaints(draft, node)) as unknown[];
    draft.set(['nodes', node, 'taints'], [...known, ...taints], path);
  } else {
    setFlag(draft, ['nodes', node, 'kubelet', 'extraArgs', name], text, path);
  }
}

/** Taints that a kubelet registers with come on top of those that kubeadm gives. */
function defaultTaints(draft: Draft, node: number): unknown[] {
  const nodes = (draft.get(['nodes']) ?? []) as { role?: unknown }[];
  const tainted = nodes[node]?.role !== 'worker' && nodes.some(({ role }) => role === 'worker');
  return tainted ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] : [];
}

function withoutTime(taint: unknown): unknown {
  return isMapping(taint) ? without(taint, 'timeAdded') : taint;
}
