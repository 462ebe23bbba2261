/** Checks that the registries of a config fit together. */

import type { Problem } from '../../errors.ts';
import { setsMirrors } from '../containerd-patches.ts';
import { everyRegistry } from '../registries.ts';
import type { At } from '../problems.ts';
import type { Config } from '../schema.ts';

type ValidConfig = Partial<Config>;

/** Two entries for one host, a password that nobody in particular is to get, two ways to say where registries are. */
export function registryProblems(config: ValidConfig, at: At): Problem[] {
  return [...twice(config, at), ...bothWays(config, at), ...passwordForAll(config, at)];
}

function twice({ registries = [] }: ValidConfig, at: At): Problem[] {
  const firsts = new Map<string, number>();
  return registries.flatMap(({ host }, index) => {
    const first = firsts.get(host);
    if (first === undefined) {
      firsts.set(host, index);
      return [];
    }
    const message = `${at(['registries', first]).path} is for ${host} already`;
    return [{ ...at(['registries', index, 'host']), message, hint: 'make it one entry' }];
  });
}

/** containerd 1.x would tell it to nobody, and containerd 2 to every registry of the world. */
function passwordForAll({ registries = [] }: ValidConfig, at: At): Problem[] {
  return registries.flatMap(({ host, credentials }, index) =>
    host === everyRegistry && credentials
      ? [
          {
            ...at(['registries', index, 'credentials']),
            message: 'would be for every registry that has no entry of its own',
            hint: 'give the registry an entry of its own',
          },
        ]
      : [],
  );
}

/** containerd takes mirrors in its configuration or folders with one file per registry, which knest writes. */
function bothWays(config: ValidConfig, at: At): Problem[] {
  const { registry = false, registries = [], components = {} } = config;
  if (registry === false && registries.length === 0) return [];
  const ours = at([registry === false ? 'registries' : 'registry']).path;
  const patches = components.containerd?.configPatches ?? [];
  return patches.flatMap((patch, index) =>
    setsMirrors(patch)
      ? [
          {
            ...at(['components', 'containerd', 'configPatches', index]),
            message: `sets registry mirrors in containerd's old way, which does not go together with ${ours}`,
            hint: 'write the mirrors as registries: [{ host, mirrors }]',
          },
        ]
      : [],
  );
}

/** Warnings: settings that work, but are probably not what the user meant. */
export function registryWarnings({ registries = [], proxy = {} }: ValidConfig, at: At): Problem[] {
  const hosts = new Set(registries.map(({ host }) => host));
  const unsettled = registries.flatMap(({ host, mirrors = [], ...own }, index) => {
    const [key] = (['ca', 'credentials', 'skipVerify'] as const).filter((name) => own[name] !== undefined);
    const without = mirrors.map((url) => new URL(url).host).filter((name) => !hosts.has(name));
    return key === undefined || without.length === 0
      ? []
      : [
          {
            ...at(['registries', index, key]),
            message: `is for ${host} itself, not for its mirrors`,
            hint: `if the mirror needs it, give it an entry of its own: - host: ${without.join(', - host: ')}`,
          },
        ];
  });
  const unreachable = (['http', 'https'] as const).flatMap((scheme) =>
    isLoopbackUrl(proxy[scheme])
      ? [{ ...at(['proxy', scheme]), message: loopbackProxy, hint: loopbackHint }]
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
