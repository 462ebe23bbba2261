import type { ClusterSpec } from '../../spec/types.ts';

/**
 * The spec of a cluster that is to become what a config says: where the config leaves something to knest, the cluster
 * stays as it was made. So the version, the proxies and the subnets of its first day stay, also when `create` got them from
 * flags or from the environment.
 * @param present the spec that the cluster has
 * @param wanted the config's
 */
export function inheritSpec(present: ClusterSpec, wanted: ClusterSpec): ClusterSpec {
  const { kubernetes, image, network } = wanted;
  const keepsVersion = kubernetes.version === undefined;
  const proxy = wanted.proxy ?? present.proxy;
  const rootPassword = wanted.rootPassword ?? present.rootPassword;
  const lock = image.lock ?? present.image.lock;
  return {
    ...wanted,
    kubernetes: {
      ...kubernetes,
      version: kubernetes.version ?? present.kubernetes.version,
      // any will do, and what is there came from one
      source: keepsVersion && kubernetes.source === 'auto' ? present.kubernetes.source : kubernetes.source,
      releaseMirror: kubernetes.releaseMirror ?? present.kubernetes.releaseMirror,
    },
    image: { ...image, mirror: image.mirror ?? present.image.mirror, ...(lock ? { lock } : {}) },
    manager: wanted.manager === 'auto' ? present.manager : wanted.manager,
    rootPassword,
    network: {
      ...network,
      hostAddress: network.hostAddress ?? present.network.hostAddress,
      nodeSubnets: network.nodeSubnets ?? present.network.nodeSubnets,
      podSubnets: network.podSubnets ?? present.network.podSubnets,
      serviceSubnets: network.serviceSubnets ?? present.network.serviceSubnets,
    },
    proxy,
    images: withKnownContent(present.images, wanted.images),
    // an empty list takes the objects of the earlier ones away; none at all would forget them
    manifests: wanted.manifests ?? (present.manifests === undefined ? undefined : []),
  };
}

/** Of an archive that is not there any more: nodes have what was in it. */
function withKnownContent(
  present: ClusterSpec['images'] = [],
  wanted: ClusterSpec['images'],
): ClusterSpec['images'] {
  return wanted?.map((archive) =>
    archive.content ? archive : (present.find(({ file }) => file === archive.file) ?? archive),
  );
}
