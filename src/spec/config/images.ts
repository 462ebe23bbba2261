/** The config file: where images come from. */

import * as z from 'zod';
import {
  certificateProblem,
  imageFileProblem,
  manifestProblem,
  mirrorProblem,
  noProxyProblem,
  plainTextProblem,
  proxyProblem,
  registryAddressProblem,
  registryHostProblem,
} from '../registries.ts';
import { checkedText, port, text } from './fields.ts';

const localRegistry = z.strictObject({
  port: port(
    'Port of the host, on 127.0.0.1, that leads to the registry; images are called `localhost:PORT/...`. Default: 5000.',
  ).optional(),
  address: text(registryAddressProblem).meta({
    description:
      'A registry of your own, as nodes reach it: `http://192.0.2.5:5000`. With `port`, nodes find it as ' +
      '`localhost:PORT` as well. Default: none, one is run in the cluster.',
  }),
});

export const registrySchema = z
  .union([z.boolean(), localRegistry], { error: 'must be true, false or a mapping' })
  .meta({
    description:
      'A registry for the cluster, to push to from the host: `true` runs one, at `localhost:5000`. Default: false.',
  });

const credentials = z.strictObject({
  username: checkedText(plainTextProblem).meta({ description: 'Name of the user.' }),
  password: checkedText(plainTextProblem).meta({
    description: 'Password or token. It is in no plan, and in the nodes in a file that only root may read.',
  }),
});

const registryAccess = z.strictObject({
  host: checkedText(registryHostProblem).meta({
    description:
      'The registry, as names of images begin: `docker.io`, `registry.example:5000`; or the host of a mirror; or `*`: ' +
      'all that have no entry of their own.',
  }),
  mirrors: z
    .array(checkedText(mirrorProblem))
    .optional()
    .meta({
      description:
        'URLs asked in this order before the registry itself. One with a path is used as it is: ' +
        '`https://mirror.example/v2/docker`.',
    }),
  ca: text(certificateProblem).meta({
    description:
      'Certificates of the authority that vouches for this host: PEM text, or an absolute path to such a file, read ' +
      'when the cluster is created. Default: those that Debian trusts.',
  }),
  skipVerify: z.boolean().optional().meta({
    description: 'Take any certificate of this host. Default: false.',
  }),
  credentials: credentials.optional().meta({ description: 'What this host wants to know of who pulls.' }),
});

export const registriesSchema = z.array(registryAccess).meta({
  description:
    'How registries and their mirrors are reached. `ca`, `skipVerify` and `credentials` are for the host of the entry; a ' +
    'mirror that needs them has an entry of its own.',
});

export const proxySchema = z
  .strictObject({
    http: text(proxyProblem).meta({ description: 'For http: `http://proxy.example:3128`.' }),
    https: text(proxyProblem).meta({ description: 'For https.' }),
    noProxy: z.array(checkedText(noProxyProblem)).optional().meta({
      description: 'Names, domains, addresses and subnets that need no proxy, besides those of the cluster.',
    }),
  })
  .meta({
    description:
      'Proxies through which nodes pull images. `{}` is none. Default: `http_proxy`, `https_proxy` and `no_proxy` of who ' +
      'creates the cluster.',
  });

export const imagesSchema = z.array(checkedText(imageFileProblem)).meta({
  description:
    'Archives of images (docker save, OCI layout), by absolute path, that all nodes have from their beginning, also those ' +
    'that are added later.',
});

export const manifestsSchema = z.array(checkedText(manifestProblem)).meta({
  description:
    'Objects that are applied when the cluster starts, in this order: files and folders of YAML or JSON by absolute path, and ' +
    'URLs. They are read when the cluster is made.',
});
