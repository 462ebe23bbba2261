/** kind's image of the nodes: here it stands for the Kubernetes version in its tag. */

import type { Problem } from '../../errors.ts';
import { normalizeVersion } from '../kubernetes-version.ts';
import type { Config } from '../schema.ts';
import { versionOfImage } from './values.ts';

/** What is said of an image, whichever way it was given. */
export function imageStandsFor(image: string): string {
  const version = versionOfImage(image);
  const says =
    version === undefined ? 'says no Kubernetes version in its tag' : `stands for Kubernetes ${version}`;
  return `${says}; the image itself is not used, knest's nodes are made from Debian`;
}

export interface NodeImageFlags {
  nodeImage?: string;
  kubernetesVersion?: string;
  source?: string;
}

export interface NodeImageReading {
  /** Undefined: the image does not say it. */
  version: string | undefined;
  problems: readonly Problem[];
  warnings: readonly Problem[];
}

/**
 * --image of kind's `create cluster`. An image without a version is refused unless something else says which Kubernetes
 * is meant: a cluster of any other version would not be what was asked for.
 */
export function readNodeImage({ nodeImage, kubernetesVersion, source }: NodeImageFlags): NodeImageReading {
  if (nodeImage === undefined) return { version: undefined, problems: [], warnings: [] };
  const path = '--image';
  const version = versionOfImage(nodeImage);
  const refuse = (message: string, hint: string): NodeImageReading => ({
    version,
    problems: [{ path, message, hint }],
    warnings: [],
  });
  if (version === undefined && kubernetesVersion === undefined && source === undefined) {
    const message = `"${nodeImage}" says no Kubernetes version in its tag, and nodes are not made from images`;
    return refuse(
      message,
      'say the version: --kubernetes-version v1.36.2; binaries of your own: --source DIR',
    );
  }
  const differs =
    version !== undefined &&
    kubernetesVersion !== undefined &&
    normalizeVersion(version) !== normalizeVersion(kubernetesVersion);
  if (differs) {
    const message = `"${nodeImage}" stands for Kubernetes ${version}, --kubernetes-version is ${kubernetesVersion}`;
    return refuse(message, 'leave one of them out');
  }
  return { version, problems: [], warnings: [{ path, message: imageStandsFor(nodeImage) }] };
}

/** As with kind, the image of the command line is that of every node, whatever a config file says of single ones. */
export function withImageVersion(config: Partial<Config>, version: string | undefined): Partial<Config> {
  if (version === undefined || config.nodes === undefined) return config;
  const nodes = config.nodes.map((node) => {
    const own = { ...node };
    delete own.kubernetesVersion;
    return own;
  });
  return { ...config, nodes };
}
