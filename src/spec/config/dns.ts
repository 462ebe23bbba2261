/** The config file: names. */

import * as z from 'zod';
import { dnsProviders } from '../words.ts';
import { addressProblem, dnsNameProblem, imageProblem, nameServerProblem } from '../values.ts';
import { checkedText, mapping, text } from './fields.ts';

const provider = z.enum(dnsProviders);

const servers = z.array(checkedText(nameServerProblem)).min(1);

const dnsFields = z.strictObject({
  provider: provider.optional().meta({
    description:
      'Who answers: `knest` (knest-agent, on control planes), `coredns` (CoreDNS in pods, whose image you bring), `none`: ' +
      'you bring something for the address that pods ask. Default: knest.',
  }),
  image: text(imageProblem).meta({
    description: 'Image of CoreDNS. Default: the one that kubeadm has for the Kubernetes version.',
  }),
  stubDomains: mapping(dnsNameProblem, servers).meta({
    description:
      'Domains with name servers of their own: `{ corp.example: [192.0.2.53, "192.0.2.54:5353"] }`.',
  }),
  hosts: mapping(dnsNameProblem, z.array(checkedText(addressProblem)).min(1)).meta({
    description: 'More names, with their addresses: `{ registry.corp.example: [192.0.2.7] }`.',
  }),
  upstream: servers.optional().meta({
    description: 'Name servers for all names that are not the cluster’s. Default: those of the nodes.',
  }),
});

export const dnsSchema = z.union([provider, dnsFields]).meta({
  description: 'Names of the cluster, and of what is outside; the provider alone will do: `dns: coredns`.',
});
