/**
 * What a proxy has to do for a set of Ingresses (Kubernetes: "Ingress"). Nothing here talks to anybody, and nothing knows
 * which proxy it is.
 *
 * A backend is the address of its Service, not of its pods: which pod gets a connection is kube-proxy's business. So pods
 * come and go without the proxy being told, and it is told anew only when Ingresses, Services or certificates change.
 */

import { keyOf } from '../../clients/kubernetes/objects.ts';
import type {
  IngressBackendObject,
  IngressObject,
  IngressPathObject,
} from '../../clients/kubernetes/objects.ts';
import type { ServiceState, TlsState } from './state.ts';

export interface Backend {
  /** NAMESPACE.SERVICE:PORT, unique as namespaces have no dots. */
  name: string;
  address: string;
  port: number;
}

export interface Route {
  /** "": every host; "*.example": one more label in front. */
  host: string;
  /** Without a slash at the end where it is a prefix; "" is the prefix of all. */
  path: string;
  /** Else it is a prefix, by whole elements. */
  exact: boolean;
  /** Name of a backend; undefined: there is none, although the path is somebody's. */
  backend: string | undefined;
}

export interface Certificate {
  /** NAMESPACE.SECRET */
  name: string;
  /** Certificate, chain and key. */
  pem: string;
  /** Names that it is for; empty: those that it has itself. */
  hosts: readonly string[];
}

export interface IngressModel {
  backends: readonly Backend[];
  routes: readonly Route[];
  certificates: readonly Certificate[];
  /** By name of the Ingress: what of it cannot be had, each a sentence. */
  problems: ReadonlyMap<string, readonly string[]>;
}

export interface IngressSurroundings {
  /** By name. */
  services: ReadonlyMap<string, ServiceState>;
  /** By name: those of type kubernetes.io/tls. */
  secrets: ReadonlyMap<string, TlsState>;
}

/**
 * What two Ingresses both want, the older one gets. What is wrong with one harms nothing else: a path whose Service is
 * missing is answered with an error, a certificate that is none is left out.
 */
export function modelOf(ingresses: readonly IngressObject[], around: IngressSurroundings): IngressModel {
  const backends = new Map<string, Backend>();
  const routes = new Map<string, { route: Route; owner: string }>();
  const certificates = new Map<string, Certificate>();
  const problems = new Map<string, string[]>();
  const inOrder = [...ingresses].sort(byAge);
  // after all paths: whatever one of them says is more than a default
  const wanted = [...inOrder.map(pathsOf), ...inOrder.map(defaultsOf)].flat();
  for (const { owner, host, path, backend } of wanted) {
    const where = `${host}${path.path ?? '/'}`;
    const problem = (text: string): void => {
      problems.set(owner, [...(problems.get(owner) ?? []), text]);
    };
    const refused = hostProblem(host) ?? pathProblem(path);
    if (refused !== undefined) {
      problem(refused);
      continue;
    }
    const place = placeOf(path);
    const key = `${place.exact ? 'exactly' : 'below'} ${host}${place.path}`;
    const before = routes.get(key);
    if (before) {
      if (!path.isDefault && before.owner !== owner)
        problem(`${where} is already led by Ingress ${before.owner}`);
      continue;
    }
    const found = backendOf(owner, backend, around.services);
    if (typeof found === 'string') problem(`${where}: ${found}`);
    else backends.set(found.name, found);
    const name = typeof found === 'string' ? undefined : found.name;
    routes.set(key, { route: { host, ...place, backend: name }, owner });
  }
  for (const ingress of inOrder) {
    const refused = addCertificates(ingress, around.secrets, certificates);
    const owner = keyOf(ingress);
    if (refused.length > 0) problems.set(owner, [...(problems.get(owner) ?? []), ...refused]);
  }
  return {
    backends: [...backends.values()],
    routes: [...routes.values()].map(({ route }) => route),
    certificates: [...certificates.values()],
    problems,
  };
}

/** The older one first; by name where both are of the same second. */
export function byAge(a: IngressObject, b: IngressObject): number {
  const created = ({ metadata }: IngressObject): string => metadata?.creationTimestamp ?? '';
  return compare(created(a), created(b)) || compare(keyOf(a), keyOf(b));
}

interface Wanted {
  /** The Ingress. */
  owner: string;
  host: string;
  path: IngressPathObject & { isDefault?: true };
  backend: IngressBackendObject | undefined;
}

function pathsOf(ingress: IngressObject): Wanted[] {
  return (ingress.spec?.rules ?? []).flatMap(({ host = '', http }) =>
    (http?.paths ?? []).map((path) => ({ owner: keyOf(ingress), host, path, backend: path.backend })),
  );
}

/** The backend for everything else: of the hosts that the Ingress has rules for, else of all. */
function defaultsOf(ingress: IngressObject): Wanted[] {
  const backend = ingress.spec?.defaultBackend;
  if (!backend) return [];
  const hosts = new Set((ingress.spec?.rules ?? []).map(({ host = '' }) => host));
  return [...(hosts.size === 0 ? [''] : hosts)].map((host) => ({
    ...{ owner: keyOf(ingress), host, backend },
    path: { path: '/', pathType: 'Prefix', isDefault: true },
  }));
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const hostPattern = new RegExp(`^((\\*\\.)?${label}(\\.${label})*)?$`);
/** RFC 3986, pchar and "/". */
const pathPattern = /^\/([\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/;
const looksLikeExpression = /[()[\]|^$*+?\\{}]/;

function hostProblem(host: string): string | undefined {
  return hostPattern.test(host) ? undefined : `${JSON.stringify(host)} is no host`;
}

/** How a path of type ImplementationSpecific is meant, is up to the controller: here it is a prefix. */
function pathProblem({ path = '/', pathType }: IngressPathObject): string | undefined {
  if (pathType === 'ImplementationSpecific' && looksLikeExpression.test(path))
    return `path ${JSON.stringify(path)} looks like a pattern, and only Exact and Prefix are understood here`;
  return path === '' || pathPattern.test(path) ? undefined : `${JSON.stringify(path)} is no path of a URL`;
}

function placeOf({ path = '', pathType }: IngressPathObject): Pick<Route, 'path' | 'exact'> {
  if (pathType === 'Exact') return { path: path || '/', exact: true };
  return { path: path.replace(/\/+$/, ''), exact: false };
}

/** @returns why there is none, as a text */
function backendOf(
  owner: string,
  backend: IngressBackendObject | undefined,
  services: ReadonlyMap<string, ServiceState>,
): Backend | string {
  const { service, resource } = backend ?? {};
  if (!service) return resource ? `${resource.kind} ${resource.name} is no Service` : 'it has no backend';
  const [namespace = ''] = owner.split('/');
  const found = services.get(`${namespace}/${service.name}`);
  if (!found) return `there is no Service ${service.name}`;
  if (found.address === undefined) return `Service ${service.name} has no address of its own (${found.kind})`;
  const { name, number } = service.port ?? {};
  const port = found.ports.find((one) => (name === undefined ? one.port === number : one.name === name));
  if (!port) return `Service ${service.name} has no TCP port ${name ?? number ?? ''}`;
  return { name: `${namespace}.${service.name}:${port.port}`, address: found.address, port: port.port };
}

/** @returns what is wrong with the rest */
function addCertificates(
  ingress: IngressObject,
  secrets: ReadonlyMap<string, TlsState>,
  into: Map<string, Certificate>,
): string[] {
  const { namespace = '' } = ingress.metadata ?? {};
  return (ingress.spec?.tls ?? []).flatMap(({ hosts = [], secretName }) => {
    // for these hosts there is the cluster's own
    if (secretName === undefined) return [];
    const wrong = hosts.flatMap((host) => hostProblem(host) ?? []);
    const secret = secrets.get(`${namespace}/${secretName}`);
    if (!secret) return [...wrong, `there is no Secret ${secretName} of type kubernetes.io/tls`];
    if ('problem' in secret) return [...wrong, `Secret ${secretName}: ${secret.problem}`];
    const name = `${namespace}.${secretName}`;
    const fit = hosts.filter((host) => hostProblem(host) === undefined);
    // a line for the names that are said, one for those that it has itself
    const key = `${name} ${fit.length > 0 ? 'said' : 'own'}`;
    const before = into.get(key)?.hosts ?? [];
    into.set(key, { name, pem: secret.pem, hosts: [...new Set([...before, ...fit])] });
    return wrong;
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
