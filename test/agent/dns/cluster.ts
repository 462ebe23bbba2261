/** A cluster as DNS sees it: Services, slices and namespaces of a small shop. */

import type { EndpointSliceObject, ServiceObject } from '../../../src/clients/kubernetes/objects.ts';
import { clusterStore } from '../../../src/agent/dns/store.ts';
import type { ClusterStore } from '../../../src/agent/dns/store.ts';
import type { ZoneSettings } from '../../../src/agent/dns/zone.ts';

export const zone: ZoneSettings = {
  domain: 'cluster.local',
  ttl: 5,
  serverAddresses: ['10.96.0.10'],
  ownsAddress: (address) => address.startsWith('10.'),
};

export function service(name: string, spec: NonNullable<ServiceObject['spec']>): ServiceObject {
  return { metadata: { name, namespace: 'shop' }, spec };
}

export interface EndpointInput {
  address: string;
  hostname?: string;
  ready?: boolean;
}

export function slice(
  name: string,
  of: string,
  endpoints: readonly EndpointInput[],
  ports: NonNullable<EndpointSliceObject['ports']> = [],
): EndpointSliceObject {
  return {
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': of } },
    addressType: endpoints.some(({ address }) => address.includes(':')) ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map(({ address, hostname, ready }) => ({
      addresses: [address],
      ...(hostname === undefined ? {} : { hostname }),
      ...(ready === undefined ? {} : { conditions: { ready } }),
    })),
    ports,
  };
}

const http = { name: 'http', protocol: 'TCP', port: 80 };

export function shop(): ClusterStore {
  const store = clusterStore();
  store.setNamespace('shop');
  store.setNamespace('empty');
  store.setService(
    service('web', {
      clusterIP: '10.96.0.7',
      clusterIPs: ['10.96.0.7', 'fd00::7'],
      ports: [http, { port: 81 }],
    }),
  );
  store.setSlice(slice('web-1', 'web', [{ address: '10.244.0.1' }], [{ ...http, port: 8080 }]));
  store.setService(
    service('db', { clusterIP: 'None', ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }] }),
  );
  store.setSlice(
    slice(
      'db-1',
      'db',
      [
        { address: '10.244.0.2', hostname: 'db-0' },
        { address: '10.244.0.3', hostname: 'db-1' },
        { address: '10.244.0.4' },
        { address: '10.244.0.5', hostname: 'db-9', ready: false },
      ],
      [{ name: 'sql', protocol: 'TCP', port: 5432 }],
    ),
  );
  store.setService(service('early', { clusterIP: 'None', publishNotReadyAddresses: true }));
  store.setSlice(slice('early-1', 'early', [{ address: '10.244.0.6', ready: false }]));
  store.setService(service('nobody', { clusterIP: 'None' }));
  store.setService(service('outside', { type: 'ExternalName', externalName: 'www.example.com' }));
  store.setService(service('alias', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }));
  store.setService(service('loop', { type: 'ExternalName', externalName: 'loop.shop.svc.cluster.local' }));
  store.setComplete();
  return store;
}
