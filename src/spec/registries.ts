/** What registries, mirrors, proxies and archives must look like in a spec. */

import { isAddress } from '../formats/cidr.ts';
import { dnsNameProblem, flagValueProblem, pathProblem, urlProblem } from './values.ts';

/** Every registry that has no entry of its own. */
export const everyRegistry = '*';

/** "registry.example:5000", "192.0.2.5", "[2001:db8::5]:5000" */
export function registryHostProblem(text: string): string | undefined {
  if (text === everyRegistry) return undefined;
  const match = /^(\[[^\]]+\]|[^:/]+)(?::(\d{1,5}))?$/.exec(text);
  const name = match?.[1] ?? '';
  const port = Number(match?.[2] ?? 1);
  const valid =
    (isAddress(name.replace(/^\[(.*)\]$/, '$1')) || dnsNameProblem(name) === undefined) &&
    port >= 1 &&
    port <= 65_535;
  if (valid) return undefined;
  const hint = /^https?:\/\//.test(text) ? '; leave out the scheme, or use mirrors' : '';
  return `"${text}" is not a host, with or without a port, as names of images begin with it${hint}`;
}

/** May have a path; a user and password belong elsewhere. */
export function mirrorProblem(text: string): string | undefined {
  const problem = passwordProblem(text, 'give the host an entry of its own with credentials');
  return problem ?? urlProblem(text);
}

/** Scheme and host only. */
export function registryAddressProblem(text: string): string | undefined {
  const problem = mirrorProblem(text);
  if (problem !== undefined) return problem;
  return new URL(text).pathname === '/' ? undefined : `"${text}" must end with its host and port`;
}

function passwordProblem(text: string, hint: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && url.username + url.password !== '' ? `must be without user and password; ${hint}` : undefined;
}

/** Never says it: there may be a password in it. */
export function proxyProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:', 'socks5:'].includes(url.protocol) && !/["'`\\\s]/.test(text))
    return undefined;
  return 'is not the URL of a proxy like http://proxy.example:3128';
}

export function noProxyProblem(text: string): string | undefined {
  if (/^[\w.*:/[\]-]+$/.test(text)) return undefined;
  return `"${text}" is not one name, domain, address or subnet`;
}

export function plainTextProblem(text: string): string | undefined {
  return text === '' ? 'must not be empty' : flagValueProblem(text);
}

/** The beginning of a certificate in PEM. */
const pemBeginning = '-----BEGIN CERTIFICATE-----';

export function isPem(text: string): boolean {
  return text.includes(pemBeginning);
}

export function certificateProblem(text: string): string | undefined {
  if (text.startsWith('/')) return pathProblem(text);
  return isPem(text)
    ? undefined
    : `must be PEM text (${pemBeginning}...) or the absolute path of such a file`;
}

export function manifestProblem(text: string): string | undefined {
  if (/^https?:\/\//.test(text)) return URL.canParse(text) ? undefined : `"${text}" is no URL`;
  return text.startsWith('/') ? undefined : `"${text}" is neither an absolute path nor a URL`;
}

export function imageFileProblem(text: string): string | undefined {
  return text.startsWith('/') ? flagValueProblem(text) : `"${text}" is not an absolute path`;
}
