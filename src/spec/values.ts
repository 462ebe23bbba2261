/** What single values of a spec must look like. Each check gives what is wrong, or undefined when all is well. */

import { componentSources, sources } from './words.ts';
import { isAddress } from '../formats/cidr.ts';
import { didYouMean } from './suggest.ts';

/** Longest cluster name: machine names are made from it, and host names end at 63 characters. */
export const maximumNameLength = 40;

/** RFC 1123 label. */
export const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function nameProblem(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.length > maximumNameLength) {
    return `is ${name.length} characters long; at most ${maximumNameLength} fit, because machine names are made from it`;
  }
  if (namePattern.test(name)) return undefined;
  return `"${name}" must be lower-case letters, digits and "-", beginning and ending with a letter or digit`;
}

/** Longest host name. */
const maximumNodeNameLength = 63;

export function nodeNameProblem(name: string): string | undefined {
  if (name.length > maximumNodeNameLength)
    return `is ${name.length} characters long; a host name has at most ${maximumNodeNameLength}`;
  if (namePattern.test(name)) return undefined;
  return `"${name}" must be lower-case letters, digits and "-", beginning and ending with a letter or digit`;
}

export function sourceProblem(source: string): string | undefined {
  return wordOrDirectoryProblem(source, sources);
}

/** Of containerd, runc, the CNI plugins, etcd. */
export function componentSourceProblem(source: string): string | undefined {
  return wordOrDirectoryProblem(source, componentSources);
}

function wordOrDirectoryProblem(source: string, choice: readonly string[]): string | undefined {
  if (source.startsWith('/') || choice.includes(source)) return undefined;
  const words = `must be ${choice.join(', ')} or the absolute path of a directory of binaries`;
  const suggestion = didYouMean(source, choice);
  return `"${source}" ${words}${suggestion ? `; ${suggestion}` : ''}`;
}

/** A release, as its project calls it; a "v" in front is optional. */
export const componentVersionPattern = /^v?\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$/;

export function componentVersionProblem(version: string): string | undefined {
  return componentVersionPattern.test(version) ? undefined : `"${version}" is not a version like 2.3.4`;
}

export function suiteProblem(suite: string): string | undefined {
  if (/^[a-z][a-z0-9-]*$/.test(suite)) return undefined;
  return `"${suite}" is not the name of a Debian suite like trixie`;
}

export function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return `"${text}" is not an http or https URL`;
  if (url.search || url.hash) return `"${text}" must end with its path: no "?" and no "#"`;
  return undefined;
}

/** "https://mirror/" and "https://mirror" are the same place. */
export function normalizeUrl(url: string): string {
  return url.replace(/\/+$/, '');
}

export function addressProblem(text: string): string | undefined {
  return isAddress(text) ? undefined : `"${text}" is not an IP address`;
}

/** A name that DNS could know, of one label or several. */
export function dnsNameProblem(text: string): string | undefined {
  const labels = text.replace(/\.$/, '').split('.');
  if (text.length <= 253 && labels.every((label) => label.length <= 63 && namePattern.test(label)))
    return undefined;
  return `"${text}" is not a DNS name`;
}

/** An address with or without a port: "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353". */
export function nameServerProblem(text: string): string | undefined {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const valid = isAddress(bracketed ?? plain ?? text) && (port === undefined || isPort(Number(port)));
  return valid ? undefined : `"${text}" is not a name server like 192.0.2.53 or 192.0.2.53:5353`;
}

function isPort(number: number): boolean {
  return number >= 1 && number <= 65_535;
}

/** As containerd takes it: registry.example:5000/name:tag, name@sha256:... */
export function imageProblem(text: string): string | undefined {
  return /^[a-zA-Z0-9][\w.:/@-]*$/.test(text) ? undefined : `"${text}" is not the name of an image`;
}

/** A name in a certificate: of a host, a wildcard, or an address. */
export function certSanProblem(text: string): string | undefined {
  const name = text.replace(/^\*\./, '').toLowerCase();
  if (isAddress(text) || dnsNameProblem(name) === undefined) return undefined;
  return `"${text}" is neither a DNS name nor an IP address`;
}

/** A Kubernetes name with an optional domain in front: "tier", "example.org/tier". */
export function qualifiedNameProblem(text: string): string | undefined {
  const [name = '', domain, ...more] = text.split('/').reverse();
  const valid =
    more.length === 0 &&
    name.length <= 63 &&
    qualifiedName.test(name) &&
    (domain === undefined || dnsNameProblem(domain) === undefined);
  return valid
    ? undefined
    : `"${text}" must be letters, digits, "-", "_" and ".", at most 63, with a domain and "/" in front or not`;
}

export function labelValueProblem(text: string): string | undefined {
  if (text === '' || (text.length <= 63 && qualifiedName.test(text))) return undefined;
  return `"${text}" must be at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit`;
}

const qualifiedName = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

export function featureGateProblem(name: string): string | undefined {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(name) ? undefined : `"${name}" is not the name of a feature gate`;
}

/** A group and version, or one of the words "api/all", "api/alpha", ... (kube-apiserver --runtime-config). */
export function runtimeConfigProblem(name: string): string | undefined {
  return /^[a-z0-9][a-z0-9./-]*$/.test(name)
    ? undefined
    : `"${name}" is not an API like "apps/v1beta2" or "api/alpha"`;
}

export function flagNameProblem(name: string): string | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) return undefined;
  const bare = name.replace(/^-+/, '').split('=')[0] ?? '';
  const hint = bare !== name && bare !== '' ? `; write ${JSON.stringify(bare)}` : '';
  return `"${name}" is not the name of a flag without dashes${hint}`;
}

export function flagValueProblem(value: string): string | undefined {
  return hasControlCharacters(value) ? 'must be one line' : undefined;
}

/** Paths are written into units and into arguments of systemd-nspawn, which separate them by ":". */
export function pathProblem(path: string): string | undefined {
  if (path.startsWith('~'))
    return `"${path}" begins with "~", which only a shell puts a home directory in place of; write the whole path`;
  if (!path.startsWith('/')) return `"${path}" is not an absolute path`;
  if (hasControlCharacters(path)) return 'must be one line';
  if (/[:%\\"'$]/.test(path))
    return `"${path}" has a character that knest cannot pass on: one of : % \\ " ' $`;
  if (/(^|\/)\.\.?(\/|$)/.test(path)) return `"${path}" must be without "." and ".."`;
  return undefined;
}

/** A device node, a folder of them, or a pattern. */
export function devicePathProblem(path: string): string | undefined {
  if (!path.startsWith('/dev/') || normalizePath(path) === '/dev')
    return `"${path}" is not below /dev, where device nodes are`;
  return volumePathProblem(path);
}

/** As deb-control(5) has it. */
export function packageProblem(name: string): string | undefined {
  if (/^[a-z0-9][a-z0-9+.-]+$/.test(name)) return undefined;
  return `"${name}" is not the name of a Debian package like crun`;
}

/** Of a component's unit, where a blank ends a path. */
export function volumePathProblem(path: string): string | undefined {
  return pathProblem(path) ?? (/\s/.test(path) ? `"${path}" must be without blanks` : undefined);
}

function hasControlCharacters(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text);
}

/** "/data//files/" and "/data/files" are the same place. */
export function normalizePath(path: string): string {
  const normal = path.replace(/\/+/g, '/').replace(/\/$/, '');
  return normal === '' ? '/' : normal;
}

/** What systemd and Kubernetes have of their own in a node; a mount there, or around it, would hide it. */
const ownPlaces: readonly string[] = [
  '/bin',
  '/dev',
  '/etc/cni/net.d',
  '/etc/containerd',
  '/etc/kubernetes',
  '/etc/kubernetes/pki',
  '/etc/systemd',
  '/lib',
  '/proc',
  '/run',
  '/sbin',
  '/sys',
  '/usr/bin',
  '/usr/lib',
  '/usr/local/bin',
  '/usr/sbin',
  '/var/lib/containerd',
  '/var/lib/etcd',
  '/var/lib/kubelet',
];

/** Where a node may see something of the host. */
export function mountTargetProblem(path: string): string | undefined {
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  const target = normalizePath(path);
  const hidden = ownPlaces.find(
    (place) => place === target || target === '/' || place.startsWith(`${target}/`),
  );
  if (hidden === undefined) return undefined;
  return `"${path}" would hide ${hidden}, which the node needs; ${insteadOf[hidden] ?? 'mount below it, or elsewhere'}`;
}

/** What those want who mount these, in configs for kind for the most part. */
const insteadOf: Readonly<Record<string, string>> = {
  '/dev': 'single devices and folders below it can be mounted (/dev/kvm, /dev/snd), or listed in `devices`',
  '/etc/kubernetes/pki':
    "the cluster's keys and certificates are made by knest; single files in it can be mounted",
  '/sys': 'folders below it can be mounted; debugfs, tracefs, securityfs and a bpffs are there',
  '/var/lib/kubelet':
    'on the host it is the folder data/kubelet of the machine, below machines/NODE in KNEST_STATE_DIR; folders below it can be mounted',
};

const quantity = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$/;

/** Bytes of a Kubernetes quantity: 2Gi, 512Mi, 1500M, 1073741824; undefined when it is none. */
export function parseBytes(value: string | number): number | undefined {
  const match = quantity.exec(String(value));
  if (!match) return undefined;
  const [, amount = '', unit = ''] = match;
  const power = unit === '' ? 0 : ' kmgtpe'.indexOf(unit.charAt(0).toLowerCase());
  const bytes = Number(amount) * (unit.endsWith('i') ? 1024 : 1000) ** power;
  return Number.isSafeInteger(Math.ceil(bytes)) ? Math.ceil(bytes) : undefined;
}
