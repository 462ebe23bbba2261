/** Where images and other objects come from: what a valid config says of it, complete. */

import type { Config } from '../schema.ts';
import type { ClusterSpec, ProxySpec, RegistrySpec } from '../types.ts';
import { normalizeUrl } from '../values.ts';

type ValidConfig = Partial<Config>;

/** Where kind's and Docker's own documentation have it. */
const usualPort = 5000;

export function completeImages(
  config: ValidConfig,
): Pick<ClusterSpec, 'registry' | 'registries' | 'proxy' | 'images' | 'manifests'> {
  return {
    registry: registryOf(config.registry ?? false),
    registries: config.registries?.map(({ host, mirrors = [], ca, skipVerify = false, credentials }) => ({
      host,
      mirrors: mirrors.map(normalizeUrl),
      ca,
      skipVerify,
      credentials,
    })),
    proxy: config.proxy && proxyOf(config.proxy),
    images: config.images?.map((file) => ({ file })),
    manifests: config.manifests?.map((from) => ({ from })),
  };
}

function registryOf(registry: NonNullable<ValidConfig['registry']>): RegistrySpec | undefined {
  if (registry === false) return undefined;
  const { address, port } = registry === true ? {} : registry;
  if (address !== undefined) return { address: normalizeUrl(address), port };
  return { address: undefined, port: port ?? usualPort };
}

function proxyOf({ http, https, noProxy = [] }: NonNullable<ValidConfig['proxy']>): ProxySpec {
  return { http, https, noProxy };
}
