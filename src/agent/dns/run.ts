import ipaddr from 'ipaddr.js';

import type { AgentConfig, DnsConfig } from '../config.ts';
import { servePages } from '../http.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { log, reasonOf } from '../log.ts';
import { forwardDefaults, forwarder } from './forward.ts';
import { hostLookup } from './hosts.ts';
import { keepMembership } from './endpoints.ts';
import { renderMetrics } from './metrics.ts';
import { canonicalName } from './names.ts';
import { resolver } from './resolver.ts';
import { savedCluster } from './saved-cluster.ts';
import { startServer } from './server.ts';
import { clusterStore } from './store.ts';
import { followResolvConf, parseServer } from './upstream.ts';
import { watchCluster } from './watch-cluster.ts';

/** Seconds that answers about the cluster may be kept; CoreDNS' default. */
const ttl = 5;

export interface DnsService {
  /** Whether all of the cluster is known. */
  readonly ready: boolean;
  /** Says goodbye to the other agents and stops answering. */
  stop(): Promise<void>;
}

/** Answers the cluster's DNS on this machine. What is not the cluster's is answered from the first moment. */
export async function runDns(
  config: AgentConfig,
  dns: DnsConfig,
  api: KubernetesClient,
  moreMetrics: () => string = () => '',
): Promise<DnsService> {
  const store = clusterStore();
  const saved = await savedCluster(dns.savedCluster, store);
  const ending = new AbortController();
  const upstream = dns.upstream
    ? { servers: dns.upstream.map(parseServer), stop: () => undefined }
    : followResolvConf(dns.resolvConf, [config.address, dns.serviceAddress], (servers) => {
        forward.setServers(servers);
      });
  const forward = forwarder({
    ...forwardDefaults,
    servers: upstream.servers,
    stubDomains: Object.fromEntries(
      Object.entries(dns.stubDomains).map(([domain, servers]) => [
        canonicalName(domain),
        servers.map(parseServer),
      ]),
    ),
  });
  const resolve = resolver({
    view: saved.view,
    zone: {
      domain: canonicalName(dns.domain),
      ttl,
      serverAddresses: [dns.serviceAddress],
      ownsAddress: addressMatcher(dns.ownSubnets),
    },
    hosts: hostLookup(dns.hosts, ttl),
    forwarder: forward,
    onBug: log.bug,
  });
  const server = await startServer({
    addresses: [config.address],
    port: dns.port,
    resolve,
    generation: () => store.generation,
    signal: ending.signal,
  });
  const metrics = await servePages(config.address, dns.metricsPort, {
    '/metrics': () => ({
      ok: true,
      text: `${renderMetrics({
        server: server.counts,
        forward: forward.counts,
        store: store.counts,
        residentMemory: process.memoryUsage.rss(),
        cpu: (({ user, system }) => (user + system) / 1e6)(process.cpuUsage()),
      })}${moreMetrics()}`,
    }),
  });
  const member = {
    node: config.node,
    address: config.address,
    ports: { dns: server.port, metrics: dns.metricsPort },
  };
  const membership = watchCluster(api, store).then(() => {
    log.info(`answering for ${dns.domain} on ${config.address}`);
    return keepMembership(api, member, ending.signal);
  });
  membership.catch((error: unknown) => {
    log.bug(error);
    process.exitCode = 1;
  });
  return {
    get ready() {
      return store.complete;
    },
    stop: async () => {
      ending.abort();
      upstream.stop();
      if (store.complete) {
        await membership.catch((error: unknown) => {
          log.warning(`leaving kube-dns: ${reasonOf(error)}`);
        });
      }
      metrics.close();
      await saved.stop();
      await server.close();
    },
  };
}

function addressMatcher(subnets: readonly string[]): (address: string) => boolean {
  const parsed = subnets.map((subnet) => ipaddr.parseCIDR(subnet));
  return (text) => {
    const address = ipaddr.parse(text);
    return parsed.some(
      ([network, prefix]) => network.kind() === address.kind() && address.match([network, prefix] as never),
    );
  };
}
