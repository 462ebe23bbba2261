/** Names of container images (github.com/distribution/reference). */

/**
 * The name as it is kept: "busybox" -> "docker.io/library/busybox:latest". What has a domain and a tag or digest is
 * whole already.
 */
export function wholeImageName(name: string): string {
  const [first = '', ...rest] = name.split('/');
  const hasDomain = rest.length > 0 && (/[.:]|[A-Z]/.test(first) || first === 'localhost');
  const [domain, path] = hasDomain ? [first, rest.join('/')] : ['docker.io', name];
  const official = domain === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  const tagged = /@|:[^/]*$/.test(official) ? official : `${official}:latest`;
  return `${domain}/${tagged}`;
}
