/** knest-agent's DNS server with records of its own instead of a cluster's: `node dns-server.mjs PORT SERVICES`. */

import { forwardDefaults, forwarder } from '../src/agent/dns/forward.ts';
import { hostLookup } from '../src/agent/dns/hosts.ts';
import { resolver } from '../src/agent/dns/resolver.ts';
import { startServer } from '../src/agent/dns/server.ts';
import { clusterStore } from '../src/agent/dns/store.ts';

const [port, services] = process.argv.slice(2).map(Number);
const store = clusterStore();
store.setNamespace('default');
for (let index = 0; index < (services ?? 0); index += 1) {
  store.setService({
    metadata: { name: `service-${index}`, namespace: 'default' },
    spec: { clusterIP: `10.96.${index >> 8}.${index & 255}`, ports: [{ name: 'http', port: 80 }] },
  });
}
store.setComplete();
await startServer({
  addresses: ['127.0.0.1'],
  port: port ?? 53,
  generation: () => store.generation,
  resolve: resolver({
    view: store,
    zone: { domain: 'cluster.local', ttl: 5, serverAddresses: ['10.96.0.10'], ownsAddress: () => true },
    hosts: hostLookup({}, 5),
    forwarder: forwarder({ ...forwardDefaults, servers: [], stubDomains: {} }),
    onBug: console.error,
  }),
});
