import type { Problem } from '../errors.ts';
import type { Lock, LockedComponent } from '../spec/lock.ts';
import { lockFileName } from '../spec/lock-file-name.ts';
import type { ClusterSpec, ComponentName } from '../spec/types.ts';
import { componentNames } from '../spec/words.ts';
import { componentsOfSuite } from './node-components.ts';
import type { ComponentLayer, ResolvedComponent } from './types.ts';

/**
 * What a component of a node is by a lock: a layer of it, or what the node's suite has.
 * @param mirror of the releases: the same file from any mirror is the same layer
 */
export function lockedComponent(
  lock: Lock,
  component: ComponentName,
  node: { suite: string; kubernetes: string },
  ofSuite: ResolvedComponent,
  mirror: string | undefined,
): ResolvedComponent {
  const found = lockedComponents(lock, component).find(({ nodes }) =>
    nodes.some(({ suite, kubernetes }) => suite === node.suite && kubernetes === node.kubernetes),
  );
  if (!found) return ofSuite;
  const { id, version, sha256, content } = found;
  const source =
    found.source.kind === 'release' && mirror !== undefined
      ? { ...found.source, baseUrl: mirror }
      : found.source;
  const layer: ComponentLayer = {
    ...{ kind: 'component', id, component, version, source, content },
    ...(sha256 === undefined ? {} : { sha256 }),
  };
  return { version, layer, reason: 'as locked' };
}

/** Where what the spec says of components is not what a lock has. */
export function componentProblems({ components, nodes, image }: ClusterSpec, lock: Lock): Problem[] {
  return componentNames.flatMap((name): Problem[] => {
    const asked = components.sources?.[name];
    if (!asked) return [];
    const { source, version } = asked;
    const locked = lockedComponents(lock, name);
    const ofSuites = nodes.map((node) => componentsOfSuite(node, image)[name]?.version);
    const fits =
      locked.length === 0
        ? source === 'suite' || (source === 'auto' && (version === undefined || ofSuites.includes(version)))
        : source !== 'suite' &&
          locked.every(
            (layer) =>
              (version === undefined || layer.version === version) &&
              (source === 'auto' || layer.source.kind === (source === 'release' ? 'release' : 'directory')),
          );
    if (fits) return [];
    const from = typeof source === 'string' ? source : source.directory;
    const there = locked.map((layer) => `${layer.version ?? 'an unknown version'} (${layer.source.kind})`);
    const message = `is ${[from, version].join(' ').trim()}, and ${lockFileName} has ${there.join(', ') || "the suite's"}`;
    return [{ path: `components.${name}`, message }];
  });
}

function lockedComponents(lock: Lock, name: ComponentName): LockedComponent[] {
  return lock.layers.filter(
    (layer): layer is LockedComponent => layer.kind === 'component' && layer.component === name,
  );
}
