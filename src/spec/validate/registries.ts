/** Registries that do not go together. */

import type { Problem } from '../../errors.ts';
import { setsMirrors } from '../containerd-patches.ts';
import type { Path } from '../problems.ts';
import type { Config } from '../schema.ts';

type ValidConfig = Partial<Config>;
type NameOf = (path: Path) => string;

/** Two entries for one host, two ways to say where registries are. */
export function registryProblems(config: ValidConfig, nameOf: NameOf): Problem[] {
  return [...twice(config, nameOf), ...bothWays(config, nameOf)];
}

function twice({ registries = [] }: ValidConfig, nameOf: NameOf): Problem[] {
  const hosts = registries.map(({ host }) => host);
  return hosts.flatMap((host, index) => {
    const first = hosts.indexOf(host);
    const path = nameOf(['registries', index, 'host']);
    return first === index
      ? []
      : [
          {
            path,
            message: `${nameOf(['registries', first])} is for ${host} already`,
            hint: 'make it one entry',
          },
        ];
  });
}

/** containerd takes mirrors in its configuration or folders with one file per registry, which knest writes. */
function bothWays(config: ValidConfig, nameOf: NameOf): Problem[] {
  const { registry = false, registries = [], components = {} } = config;
  if (registry === false && registries.length === 0) return [];
  const ours = nameOf([registry === false ? 'registries' : 'registry']);
  const patches = components.containerd?.configPatches ?? [];
  return patches.flatMap((patch, index) =>
    setsMirrors(patch)
      ? [
          {
            path: nameOf(['components', 'containerd', 'configPatches', index]),
            message: `sets registry mirrors in containerd's old way, which does not go together with ${ours}`,
            hint: 'write the mirrors as registries: [{ host, mirrors }]',
          },
        ]
      : [],
  );
}

/** What works and is probably not what was meant. */
export function registryWarnings({ registries = [], proxy = {} }: ValidConfig, nameOf: NameOf): Problem[] {
  const hosts = new Set(registries.map(({ host }) => host));
  const unsettled = registries.flatMap(({ host, mirrors = [], ...own }, index) => {
    const [key] = (['ca', 'credentials', 'skipVerify'] as const).filter((name) => own[name] !== undefined);
    const without = mirrors.map((url) => new URL(url).host).filter((name) => !hosts.has(name));
    return key === undefined || without.length === 0
      ? []
      : [
          {
            path: nameOf(['registries', index, key]),
            message: `is for ${host} itself, not for its mirrors`,
            hint: `if the mirror needs it, give it an entry of its own: - host: ${without.join(', - host: ')}`,
          },
        ];
  });
  const unreachable = (['http', 'https'] as const).flatMap((scheme) =>
    isLoopbackUrl(proxy[scheme])
      ? [{ path: nameOf(['proxy', scheme]), message: loopbackProxy, hint: loopbackHint }]
      : [],
  );
  return [...unsettled, ...unreachable];
}

export const loopbackProxy = 'is on loopback, which in a node is the node itself';
export const loopbackHint = 'let the proxy listen on an address that nodes reach, and name that';

/** Whether a URL leads to the machine itself. */
export function isLoopbackUrl(text: string | undefined): boolean {
  if (text === undefined || !URL.canParse(text)) return false;
  return /^(localhost|127\..*|\[::1\])$/.test(new URL(text).hostname);
}
