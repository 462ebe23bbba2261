/** What HAProxy reads to do what a model says (HAProxy: "Configuration Manual"). Nothing that users write is in its language. */

import type { Certificate, IngressModel, Route } from './model.ts';

export interface ProxySettings {
  /** Where these files will be. */
  folder: string;
  /** Of addresses that the machine has. */
  families: readonly (4 | 6)[];
  /** User and group that it becomes, of the same name. */
  account: string;
  /** Ports for clients. */
  ports: { http: number; https: number };
  /** Certificate and key for names that nobody has brought one for. */
  fallback: string;
}

/** Texts by path within the folder. */
export type ProxyFiles = ReadonlyMap<string, string>;

export const configurationFile = 'haproxy.cfg';

/** Names of backends that are always there; others have a dot. */
const nowhere = 'nowhere';
const unavailable = 'unavailable';

export function renderProxy(model: IngressModel, settings: ProxySettings): ProxyFiles {
  const file = (name: string): string => `${settings.folder}/${name}`;
  return new Map([
    [configurationFile, configuration(model, settings)],
    ['exact.map', map(model.routes.filter(({ exact }) => exact))],
    ['prefix.map', map(model.routes.filter(({ exact }) => !exact))],
    ['fallback.pem', settings.fallback],
    ['certificates', model.certificates.map((each) => certificateLine(each, file)).join('')],
    ...model.certificates.map(({ name, pem }): [string, string] => [pemFile(name), pem]),
  ]);
}

function configuration(
  { backends }: IngressModel,
  { folder, families, ports, account }: ProxySettings,
): string {
  return `# What knest-agent has made of the Ingresses; it makes it anew when one of them changes.
global
  log stdout format raw daemon notice
  user ${account}
  group ${account}
  # one per processor of the host otherwise
  nbthread 2
  # so many connections as half of that allows; fewer where the machine allows fewer
  fd-hard-limit 20000
  # connections that are older than a change, WebSockets for one, may go on that long
  hard-stop-after 10m

defaults
  mode http
  log global
  option forwardfor
  # a connection for each request: kube-proxy spreads connections over pods
  option http-server-close
  retries 2
  timeout connect 5s
  timeout http-request 30s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h

frontend ingress
${families.map((family) => binds(family, ports, folder)).join('')}
  # what clients say of themselves counts for nothing
  http-request del-header X-Forwarded-For
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Proto https if { ssl_fc }

  http-request set-var(txn.host) req.hdr(host),field(1,:),lower
  http-request return status 400 if { var(txn.host) -m sub / }
  http-request set-var(txn.parent) var(txn.host),field(2,.,0)
  http-request set-var(txn.path) path
${lookup('its own host', 'var(txn.host)')}
${lookup('hosts with a star', 'str(*.),concat(,txn.parent)')}
${lookup('rules for every host', 'str(*)')}
  use_backend %[var(txn.to)] if { var(txn.to) -m found }
  default_backend ${nowhere}

backend ${nowhere}
  http-request return status 404 content-type text/plain string "no Ingress leads there\\n"

backend ${unavailable}
  http-request return status 503 content-type text/plain string "the Service that the Ingress names is not there\\n"
${backends.map(({ name, address, port }) => `\nbackend ${name}\n  server service ${address.includes(':') ? `[${address}]` : address}:${port}\n`).join('')}`;

  /** The longest path wins, and of two equal ones the exact one. */
  function lookup(what: string, host: string): string {
    const unless = 'unless { var(txn.to) -m found }';
    return `  # ${what}
  http-request set-var(txn.to) ${host},concat(,txn.path),map_str(${folder}/exact.map) ${unless}
  http-request set-var(txn.to) ${host},concat(,txn.path,/),map_beg(${folder}/prefix.map) ${unless}`;
  }
}

function binds(family: 4 | 6, { http, https }: ProxySettings['ports'], folder: string): string {
  const [any, only] = family === 4 ? ['0.0.0.0', ''] : ['[::]', ' v6only'];
  const tls = `ssl crt ${folder}/fallback.pem crt-list ${folder}/certificates alpn h2,http/1.1`;
  return `  bind ${any}:${http}${only}\n  bind ${any}:${https}${only} ${tls}\n`;
}

/** Lines "HOST/PATH BACKEND". A prefix ends in a slash, and so does what is looked up for it. */
function map(routes: readonly Route[]): string {
  return routes
    .map(
      ({ host, path, exact, backend }) =>
        `${host || '*'}${path}${exact ? '' : '/'} ${backend ?? unavailable}\n`,
    )
    .sort()
    .join('');
}

function certificateLine({ name, hosts }: Certificate, file: (name: string) => string): string {
  return `${[file(pemFile(name)), ...hosts].join(' ')}\n`;
}

function pemFile(name: string): string {
  return `${name}.pem`;
}
