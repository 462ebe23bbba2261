import { readFile } from 'node:fs/promises';

import type { ApiAccess } from './kubernetes/open-api.ts';
import type { ApiServiceObject } from './metrics/registration.ts';

/** What the agent is told, written by the plan of the machine (JSON). */
export interface AgentConfig {
  /** Format, raised when readers must change. */
  version: 1;
  /** Node name of this machine. */
  node: string;
  /** Address of this machine in the cluster's network. */
  address: string;
  api: ApiAccess;
  /** Port on loopback: /health, /ready */
  healthPort: number;
  /** Present where this machine answers the cluster's DNS. */
  dns?: DnsConfig;
  /** Present where this machine holds volumes. */
  storage?: StorageConfig;
  /** Present where NetworkPolicies are enforced. */
  networkPolicy?: NetworkPolicyConfig;
  /** Present where Services of type LoadBalancer get addresses. */
  loadBalancer?: LoadBalancerConfig;
  /** Present where this machine answers metrics.k8s.io. */
  metrics?: MetricsConfig;
  /** Present where this machine serves Ingresses. */
  ingress?: IngressConfig;
  /** File that says which certificates this node has; left out: they last as long as the cluster. */
  certificates?: string;
}

export interface DnsConfig {
  /** "cluster.local" */
  domain: string;
  /** Address of the Service kube-dns. */
  serviceAddress: string;
  /** Subnets of Services and pods: names of addresses in there are nobody else's business. */
  ownSubnets: readonly string[];
  port: number;
  metricsPort: number;
  /** File that keeps what is known of the cluster while the agent does not run. */
  savedCluster: string;
  /** Name servers for all other names; left out: as the next says. */
  upstream?: readonly string[];
  /** A resolv.conf(5). */
  resolvConf: string;
  /** Domains with name servers of their own: "corp.example": ["192.0.2.53", "192.0.2.54:5353"] */
  stubDomains: Readonly<Record<string, readonly string[]>>;
  /** Extra names: "registry.local": ["192.0.2.1"] */
  hosts: Readonly<Record<string, readonly string[]>>;
}

export interface StorageConfig {
  /** Folder that holds this node's volumes. */
  folder: string;
}

export interface NetworkPolicyConfig {
  /** Of pods' addresses. */
  families: readonly (4 | 6)[];
  /** Where the pod network tells the addresses of new pods. */
  socket: string;
}

export interface LoadBalancerConfig {
  /** Ranges: "10.89.0.192-10.89.0.253" */
  addresses: readonly string[];
  /** Link that addresses are put on. */
  link: string;
  /** UDP port of this node's address at which others learn that this agent lives. */
  port: number;
  /** Whether this node may be the one that gives out addresses. */
  controller: boolean;
}

export interface MetricsConfig {
  /** On loopback. */
  port: number;
  /** Files, PEM: what this server proves itself with. */
  certificate: string;
  key: string;
  /** File, PEM: who signs for the API server's front proxy, which alone may ask. */
  clientAuthority: string;
  /** Common names that its certificate may have. */
  clientNames: readonly string[];
  /** Tells the API server to ask here. */
  apiService: ApiServiceObject;
}

export interface IngressConfig {
  /** By which clients reach those who serve, for the status of Ingresses. */
  address: string;
  /** Of addresses that this machine has. */
  families: readonly (4 | 6)[];
  /** Files, PEM: for names that no Ingress brings a certificate for. */
  certificate: string;
  key: string;
}

/** @throws Error when there is none or it is of another format */
export async function readConfig(path: string): Promise<AgentConfig> {
  const config = JSON.parse(await readFile(path, 'utf8')) as AgentConfig;
  if ((config.version as number) !== 1) throw new Error(`${path}: format ${config.version} is not known`);
  return config;
}
