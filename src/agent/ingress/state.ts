/** What is known of the cluster for its Ingresses, and whose they are. */

import { createSecureContext } from 'node:tls';

import { keyOf } from '../../clients/kubernetes/objects.ts';
import type {
  IngressClassObject,
  IngressObject,
  KubernetesObject,
  SecretObject,
  ServiceObject,
} from '../../clients/kubernetes/objects.ts';
import type { Reducer } from '../kubernetes/watch-into.ts';
import { reasonOf } from '../log.ts';
import { ingressController, ingressName } from './names.ts';

export interface ServiceState {
  /** "ExternalName", "headless" */
  kind: string;
  /** undefined: it has none. */
  address: string | undefined;
  /** Of TCP. */
  ports: readonly { name: string | undefined; port: number }[];
}

/** Certificate, chain and key, or why they are none. */
export type TlsState = { pem: string } | { problem: string };

export interface ClassState {
  isOurs: boolean;
  isDefault: boolean;
}

export interface IngressState {
  /** By name. */
  classes: Map<string, ClassState>;
  /** By name: all that there are. */
  ingresses: Map<string, IngressObject>;
  services: Map<string, ServiceState>;
  secrets: Map<string, TlsState>;
}

export function emptyState(): IngressState {
  return { classes: new Map(), ingresses: new Map(), services: new Map(), secrets: new Map() };
}

/** Those that this controller is to serve. */
export function ownIngresses({ ingresses, classes }: IngressState): IngressObject[] {
  return [...ingresses.values()].filter((ingress) => isOurs(ingress, classes));
}

/** Those of others whose status we have set while they were ours. */
export function lostIngresses({ ingresses, classes }: IngressState): IngressObject[] {
  return [...ingresses.values()].filter(
    (ingress) =>
      !isOurs(ingress, classes) &&
      (ingress.status?.loadBalancer?.ingress ?? []).length > 0 &&
      (ingress.metadata?.managedFields ?? []).some(({ manager }) => manager === ingressName),
  );
}

/** Its class is ours, by spec or by the annotation that came before; or it has none, and ours is the only default. */
function isOurs({ metadata, spec }: IngressObject, classes: ReadonlyMap<string, ClassState>): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  const name = spec?.ingressClassName ?? metadata?.annotations?.['kubernetes.io/ingress.class'];
  if (name !== undefined) return classes.get(name)?.isOurs ?? false;
  const defaults = [...classes.values()].filter(({ isDefault }) => isDefault);
  return defaults.length === 1 && defaults[0]?.isOurs === true;
}

/** Kubernetes: "Well-Known Labels, Annotations and Taints". */
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

export function classes({ classes: known }: IngressState): Reducer<IngressClassObject> {
  return keep(
    known,
    ({ metadata, spec }) => ({
      isOurs: spec?.controller === ingressController,
      isDefault: metadata?.annotations?.[defaultAnnotation] === 'true',
    }),
    ({ metadata }) => metadata?.name ?? '',
  );
}

export function ingresses({ ingresses: known }: IngressState): Reducer<IngressObject> {
  return keep(known, (ingress) => ingress);
}

export function services({ services: known }: IngressState): Reducer<ServiceObject> {
  return keep(known, ({ spec = {} }) => {
    const { type = 'ClusterIP', clusterIP = '' } = spec;
    const isHeadless = clusterIP === '' || clusterIP === 'None';
    return {
      kind: type === 'ClusterIP' && isHeadless ? 'headless' : type,
      address: isHeadless || type === 'ExternalName' ? undefined : clusterIP,
      ports: (spec.ports ?? [])
        .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
        .map(({ name, port }) => ({ name, port })),
    };
  });
}

export function secrets({ secrets: known }: IngressState): Reducer<SecretObject> {
  return keep(known, ({ data = {} }) => tlsOf(data['tls.crt'] ?? '', data['tls.key'] ?? ''));
}

/** Tried as a server would use them: what OpenSSL refuses here, it refuses the proxy, too. */
function tlsOf(certificate: string, key: string): TlsState {
  const [cert = '', own = ''] = [certificate, key].map((text) => Buffer.from(text, 'base64').toString());
  if (cert.trim() === '' || own.trim() === '') return { problem: 'tls.crt or tls.key is empty' };
  try {
    createSecureContext({ cert, key: own });
  } catch (error) {
    return { problem: `tls.crt and tls.key cannot be used: ${reasonOf(error)}` };
  }
  return { pem: `${cert.trim()}\n${own.trim()}\n` };
}

/** What is read of the objects, by their names. It matters when that has changed. */
function keep<T extends KubernetesObject, S>(
  known: Map<string, S>,
  read: (object: T) => S,
  nameOf: (object: KubernetesObject) => string = keyOf,
): Reducer<T> {
  return {
    set: (object) => {
      const now = read(object);
      const before = known.get(nameOf(object));
      known.set(nameOf(object), now);
      return JSON.stringify(now) !== JSON.stringify(before);
    },
    delete: (object) => known.delete(nameOf(object)),
  };
}
