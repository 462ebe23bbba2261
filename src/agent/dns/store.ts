import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { EndpointSliceObject, ServiceObject } from '../../clients/kubernetes/objects.ts';
import type { Endpoint, NamedPort, Service } from './records.ts';
import { serviceOfSlice, serviceRecord, sliceRecord } from './records.ts';
import type { Slice } from './records.ts';

/** What is known of the cluster, looked up by name and by address. */
export interface ClusterView {
  /** False until everything has been listed once: what is not found may exist all the same. */
  readonly complete: boolean;
  hasNamespace(namespace: string): boolean;
  service(namespace: string, name: string): Service | undefined;
  /** Those that may be given out, with the ports they listen on. */
  endpoints(service: Service): readonly ReadyEndpoint[];
  /** Names of an address: its Service, else one per headless Service that it belongs to. */
  namesOf(address: string): readonly AddressName[];
}

export interface ReadyEndpoint extends Endpoint {
  ports: readonly NamedPort[];
}

export interface AddressName {
  service: Service;
  hostname: string | undefined;
}

/** The view that watching the API server keeps up to date. */
export interface ClusterStore extends ClusterView {
  /** Raised by every change. */
  readonly generation: number;
  readonly counts: { namespaces: number; services: number; slices: number };
  /** All that it knows, to make another one of it. */
  content(): StoreContent;
  setComplete: () => void;
  setNamespace: (name: string) => void;
  deleteNamespace: (name: string) => void;
  setService: (object: ServiceObject) => void;
  deleteService: (object: ServiceObject) => void;
  setSlice: (object: EndpointSliceObject) => void;
  deleteSlice: (object: EndpointSliceObject) => void;
}

/** What a store knows, as JSON can hold it. */
export interface StoreContent {
  namespaces: readonly string[];
  services: readonly (readonly [key: string, service: Service])[];
  slices: readonly { key: string; owner: string; slice: Slice }[];
}

/** An empty one, or one that knows all that another has known. */
export function clusterStore(content?: StoreContent): ClusterStore {
  const namespaces = new Set(content?.namespaces);
  const services = new Map(content?.services);
  /** By Service and then by slice, both "namespace/name". */
  const slices = new Map<string, Map<string, Slice>>();
  const ownerOfSlice = new Map<string, string>();
  /** Made when the first address is asked for after a change. */
  let byAddress: Map<string, AddressName[]> | undefined;
  let complete = content !== undefined;
  let generation = 0;

  const changed = (): void => {
    generation += 1;
    byAddress = undefined;
  };
  const endpoints = (service: Service): ReadyEndpoint[] => {
    const own = slices.get(`${service.namespace}/${service.name}`);
    return [...(own?.values() ?? [])].flatMap(({ endpoints, ports }) =>
      endpoints
        .filter(({ ready }) => ready || service.publishNotReady)
        .map((endpoint) => ({ ...endpoint, ports })),
    );
  };
  const addSlice = (key: string, owner: string, slice: Slice): void => {
    ownerOfSlice.set(key, owner);
    const own = slices.get(owner) ?? new Map<string, Slice>();
    slices.set(owner, own.set(key, slice));
  };
  const removeSlice = (key: string): void => {
    const owner = ownerOfSlice.get(key);
    if (owner === undefined) return;
    ownerOfSlice.delete(key);
    const own = slices.get(owner);
    own?.delete(key);
    if (own?.size === 0) slices.delete(owner);
  };

  content?.slices.forEach(({ key, owner, slice }) => {
    addSlice(key, owner, slice);
  });

  return {
    get complete() {
      return complete;
    },
    content: () => ({
      namespaces: [...namespaces],
      services: [...services],
      slices: [...slices].flatMap(([owner, own]) => [...own].map(([key, slice]) => ({ key, owner, slice }))),
    }),
    get generation() {
      return generation;
    },
    get counts() {
      return { namespaces: namespaces.size, services: services.size, slices: ownerOfSlice.size };
    },
    hasNamespace: (namespace) => namespaces.has(namespace),
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    endpoints,
    namesOf: (address) => {
      byAddress ??= indexAddresses(services.values(), endpoints);
      return byAddress.get(address) ?? [];
    },
    setComplete: () => {
      complete = true;
      changed();
    },
    setNamespace: (name) => {
      // namespaces change often, and only their names count here
      if (namespaces.has(name)) return;
      namespaces.add(name);
      changed();
    },
    deleteNamespace: (name) => {
      namespaces.delete(name);
      changed();
    },
    setService: (object) => {
      const record = serviceRecord(object);
      if (record) services.set(keyOf(object), record);
      else services.delete(keyOf(object));
      changed();
    },
    deleteService: (object) => {
      services.delete(keyOf(object));
      changed();
    },
    setSlice: (object) => {
      const key = keyOf(object);
      removeSlice(key);
      const owner = serviceOfSlice(object);
      if (owner !== undefined) addSlice(key, owner, sliceRecord(object));
      changed();
    },
    deleteSlice: (object) => {
      removeSlice(keyOf(object));
      changed();
    },
  };
}

function indexAddresses(
  services: Iterable<Service>,
  endpoints: (service: Service) => readonly ReadyEndpoint[],
): Map<string, AddressName[]> {
  const index = new Map<string, AddressName[]>();
  for (const service of services) {
    // no two Services share an address
    for (const address of service.addresses) index.set(address, [{ service, hostname: undefined }]);
    if (service.kind !== 'headless') continue;
    for (const { address, hostname } of endpoints(service)) {
      const names = index.get(address) ?? [];
      if (names.some((known) => known.service === service && known.hostname === hostname)) continue;
      index.set(address, [...names, { service, hostname }]);
    }
  }
  return index;
}
