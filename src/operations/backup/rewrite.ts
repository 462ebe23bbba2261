/**
 * What objects of a cluster must say when they are restored: nodes may have other names, Services and pods other subnets.
 * Kubernetes stores its own objects as protocol buffers; the numbers of fields are those of generated.proto in k8s.io/api
 * and k8s.io/apimachinery, which never change.
 */

import { contains, formatAddress, parseAddress, parseCidr } from '../../formats/cidr.ts';
import { editMessage, fieldsOf } from '../../formats/protobuf.ts';
import type { FieldEdits } from '../../formats/protobuf.ts';

export interface Mapping {
  /** By the name that a node had. */
  nodes: Readonly<Record<string, { name: string; podSubnets: readonly string[] }>>;
  /** Pairs of one family; the same twice where Services keep their addresses. */
  serviceSubnets: readonly { from: string; to: string }[];
}

export type Rewritten = 'same' | 'gone' | { key: string; value: Buffer };

/** Kubernetes' own prefix of all keys in etcd. */
const root = '/registry/';

/** Beginnings of the keys that may have to be changed. */
export function prefixesToRewrite(mapping: Mapping): string[] {
  const renamed = Object.entries(mapping.nodes).some(([from, { name }]) => from !== name);
  const moved = mapping.serviceSubnets.some(({ from, to }) => from !== to);
  return [
    // who led, and which API servers there were: nobody has to wait until that ends
    'leases/kube-node-lease/',
    'leases/kube-system/',
    'masterleases/',
    'minions/',
    ...(renamed ? ['pods/', 'persistentvolumes/', 'persistentvolumeclaims/', 'csinodes/'] : []),
    ...(moved ? ['services/specs/', 'ranges/serviceips', 'ipaddresses/', 'servicecidrs/kubernetes'] : []),
  ].map((prefix) => `${root}${prefix}`);
}

/** @throws RangeError for an address of a Service that has no place in the new subnet */
export function rewriteKey(key: string, value: Buffer, mapping: Mapping): Rewritten {
  const [kind = '', ...names] = key.slice(root.length).split('/');
  const name = names.at(-1) ?? '';
  switch (kind) {
    case 'minions':
      return rewriteNode(name, value, mapping);
    case 'pods':
      return changed(key, value, podEdits(mapping));
    case 'persistentvolumes':
      return changed(key, value, {
        2: (spec) => editMessage(spec, { 9: (place) => editVolumePlace(place, mapping) }),
      });
    case 'persistentvolumeclaims':
      return changed(key, value, {
        1: (metadata) => editMessage(metadata, { 12: (one) => editSelectedNode(one, mapping) }),
      });
    case 'services':
      return changed(key, value, { 2: (spec) => editMessage(spec, serviceEdits(mapping)) });
    // the API server and the kubelets make them anew
    default:
      return 'gone';
  }
}

/** The magic number, and then a message of the object's kind and the object itself (runtime.Unknown: raw). */
const envelope = Buffer.from('k8s\0');

/** Objects that are JSON, or encrypted, are left as they are. */
function changed(key: string, value: Buffer, edits: FieldEdits): Rewritten {
  if (!value.subarray(0, envelope.length).equals(envelope)) return 'same';
  const message = value.subarray(envelope.length);
  const edited = editMessage(message, { 2: (raw) => editMessage(raw, edits) });
  return edited.equals(message) ? 'same' : { key, value: Buffer.concat([envelope, edited]) };
}

/**
 * conditions, addresses, images, volumes in use and attached. What it can take stays: a kubelet believes of a Node that is
 * there already that it has capacity and allocatable, and panics without (tryRegisterWithAPIServer).
 */
const forgotten: FieldEdits = Object.fromEntries([4, 5, 8, 9, 10].map((field) => [field, () => undefined]));

/**
 * A Node keeps its labels, annotations and taints. It loses how its kubelet says that it is, so that it counts as Ready when the
 * new one says so. One that the cluster no longer has is gone.
 */
function rewriteNode(name: string, value: Buffer, { nodes }: Mapping): Rewritten {
  const node = nodes[name];
  if (!node) return 'gone';
  const renamed = rename({ [name]: node });
  const rewritten = changed(`${root}minions/${node.name}`, value, {
    1: (metadata) => editMessage(metadata, { 1: renamed, 11: (label) => editHostname(label, renamed) }),
    2: (spec) =>
      editMessage(
        spec,
        { 1: () => Buffer.from(node.podSubnets[0] ?? ''), 7: () => undefined },
        node.podSubnets.map((subnet) => ({ field: 7, bytes: Buffer.from(subnet) })),
      ),
    3: (status) => editMessage(status, forgotten),
  });
  return rewritten === 'same' ? { key: `${root}minions/${node.name}`, value } : rewritten;
}

const hostnameLabel = 'kubernetes.io/hostname';

type Edit = (bytes: Buffer) => Buffer;

/** Names of nodes for other names; what is none of them stays. */
function rename(nodes: Mapping['nodes']): Edit {
  return (bytes) => {
    const to = nodes[bytes.toString()]?.name;
    return to === undefined ? bytes : Buffer.from(to);
  };
}

/** An entry of a map: 1 is its key, 2 its value. */
function editHostname(entry: Buffer, renamed: Edit): Buffer {
  return isEntryOf(entry, hostnameLabel) ? editMessage(entry, { 2: renamed }) : entry;
}

function editSelectedNode(entry: Buffer, { nodes }: Mapping): Buffer {
  const key = 'volume.kubernetes.io/selected-node';
  return isEntryOf(entry, key) ? editMessage(entry, { 2: rename(nodes) }) : entry;
}

function isEntryOf(entry: Buffer, key: string): boolean {
  return fieldsOf(entry, 1)[0]?.toString() === key;
}

/** A volume's nodeAffinity: required (1) -> terms (1). */
function editVolumePlace(affinity: Buffer, { nodes }: Mapping): Buffer {
  return editMessage(affinity, { 1: (selector) => editNodeSelector(selector, rename(nodes)) });
}

/** NodeSelector: terms (1) -> matchExpressions (1) by the label of the host's name, matchFields (2) by the node's. */
function editNodeSelector(selector: Buffer, renamed: Edit): Buffer {
  const values: Edit = (requirement) => editMessage(requirement, { 3: renamed });
  return editMessage(selector, {
    1: (term) =>
      editMessage(term, {
        1: (requirement) => (isEntryOf(requirement, hostnameLabel) ? values(requirement) : requirement),
        2: values,
      }),
  });
}

/** Where a pod runs, and by what pods of DaemonSets were sent there. */
function podEdits({ nodes }: Mapping): FieldEdits {
  const renamed = rename(nodes);
  return {
    2: (spec) =>
      editMessage(spec, {
        7: (entry) => editHostname(entry, renamed),
        10: renamed,
        // affinity -> nodeAffinity -> required
        18: (affinity) =>
          editMessage(affinity, {
            1: (ofNode) => editMessage(ofNode, { 1: (selector) => editNodeSelector(selector, renamed) }),
          }),
      }),
  };
}

/** clusterIP and clusterIPs */
function serviceEdits({ serviceSubnets }: Mapping): FieldEdits {
  const moved: Edit = (bytes) => Buffer.from(moveAddress(bytes.toString(), serviceSubnets));
  return { 3: moved, 18: moved };
}

/** The address at the same place in the other subnet. "None", and addresses of no subnet, stay. */
export function moveAddress(address: string, subnets: Mapping['serviceSubnets']): string {
  const parsed = parseAddress(address);
  const pair = parsed && subnets.find(({ from }) => contains(from, address));
  if (!parsed || !pair) return address;
  const [from, to] = [baseOf(pair.from), baseOf(pair.to)];
  const moved = formatAddress(parsed.family, to + (parsed.value - from));
  if (contains(pair.to, moved)) return moved;
  throw new RangeError(`the Service with the address ${address} has no place in ${pair.to}`);
}

function baseOf(subnet: string): bigint {
  const [address = ''] = parseCidr(subnet).text.split('/');
  return parseAddress(address)?.value ?? 0n;
}
