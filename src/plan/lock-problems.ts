import type { Problem } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { lockFileName } from '../spec/lock-file-name.ts';
import type { Lock } from '../spec/lock.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { suitesOf } from './spec-layers.ts';
import { lockedRootfs, lockedRootfsId } from './image.ts';
import { componentProblems } from './locked-component.ts';
import { lockedKubernetes, lockedKubernetesLayers } from './kubernetes-layer.ts';

/** What there is of a cluster already, whatever a lock says: names of its nodes, ids of their layers. */
export interface Present {
  nodes: ReadonlySet<string>;
  layers: ReadonlySet<string>;
}

const newCluster: Present = { nodes: new Set(), layers: new Set() };

/**
 * Where the spec, this host or this knest differ from what is locked. None without a lock.
 * @param present of a cluster to which nodes come: these alone are compared
 */
export function lockProblems(spec: ClusterSpec, facts: HostFacts, present = newCluster): Problem[] {
  const { lock } = spec.image;
  if (!lock) return [];
  if (lock.arch !== facts.arch) {
    const message = `is of nodes for ${lock.arch}, and this host is ${facts.arch}`;
    return [{ path: lockFileName, message, hint: 'make one on a host like this: knest lock' }];
  }
  const later = present.nodes.size > 0;
  const nodes = spec.nodes.filter(({ name }) => !present.nodes.has(name));
  if (nodes.length === 0) return [];
  const hint = later
    ? `--no-lock makes them of what there is this time; to have them locked, lock a config with such nodes (knest lock) and make a new cluster`
    : 'knest lock writes it anew; --no-lock does without it';
  return [
    ...rootfsProblems({ ...spec, nodes }, lock, present),
    ...kubernetesProblems(spec, lock, facts, present),
    ...componentProblems({ ...spec, nodes }, lock),
  ].map((problem) => ({ ...problem, hint }));
}

function rootfsProblems({ image, nodes }: ClusterSpec, lock: Lock, { layers }: Present): Problem[] {
  return suitesOf({ image, nodes }).flatMap((suite): Problem[] => {
    const locked = lockedRootfs({ ...image, suite });
    if (!locked) {
      const there = lock.layers.flatMap((layer) => (layer.kind === 'rootfs' ? [layer.suite] : []));
      const message = `is ${suite}, and ${lockFileName} has ${there.join(', ') || 'none'}`;
      return [{ path: 'suite', message }];
    }
    if (image.mirror !== undefined && image.mirror !== locked.mirror) {
      const message = `is ${image.mirror}, and ${lockFileName} has packages of ${locked.mirror}`;
      return [{ path: 'mirror', message }];
    }
    const [asked, wanted] = [locked.asked ?? [], image.packages ?? []].map((names) => names.join(', '));
    if (asked !== wanted) {
      const message = `is ${wanted || 'none'}, and ${lockFileName} has ${asked || 'none'}`;
      return [{ path: 'image.packages', message }];
    }
    // what is made already need not be made
    if (layers.has(locked.id)) return [];
    const own = lockedRootfsId(image, locked, lock.arch);
    if (own === locked.id) return [];
    const message = `has ${locked.id}, of knest ${lock.knest}, and this knest makes ${own} of the same packages`;
    return [{ path: lockFileName, message }];
  });
}

function kubernetesProblems(spec: ClusterSpec, lock: Lock, facts: HostFacts, present: Present): Problem[] {
  const wanted = [
    // a cluster that is there has its own already
    ...(present.nodes.size > 0 || spec.nodes.every(({ kubernetes }) => kubernetes)
      ? []
      : [{ path: '', kubernetes: {} }]),
    ...spec.nodes.flatMap(({ name, kubernetes }, index) =>
      kubernetes && !present.nodes.has(name) ? [{ path: `nodes[${index}].`, kubernetes }] : [],
    ),
  ];
  return wanted.flatMap(({ path, kubernetes }): Problem[] => {
    const asked = { ...spec, kubernetes: { ...spec.kubernetes, ...kubernetes } };
    if (lockedKubernetes(asked, facts)) return [];
    const there = lockedKubernetesLayers(lock).map(
      ({ version, wanted: as, source }) =>
        `${version} (${as === undefined ? '' : `${as}, `}source ${source.kind})`,
    );
    const { version, source } = asked.kubernetes;
    const from = typeof source === 'string' ? source : source.directory;
    const message = `is ${version ?? 'not said'} (source ${from}), and ${lockFileName} has ${there.join(', ') || 'none'}`;
    return [{ path: `${path}kubernetesVersion`, message }];
  });
}
