import type { Problem } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { lockFileName } from '../spec/lock-file-name.ts';
import type { Lock } from '../spec/lock.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { suitesOf } from './spec-layers.ts';
import { lockedRootfs, lockedRootfsId } from './image.ts';
import { componentProblems } from './locked-component.ts';
import { lockedKubernetes, lockedKubernetesLayers } from './kubernetes-layer.ts';

/** Where the spec, this host or this knest differ from what is locked. None without a lock. */
export function lockProblems(spec: ClusterSpec, facts: HostFacts): Problem[] {
  const { lock } = spec.image;
  if (!lock) return [];
  if (lock.arch !== facts.arch) {
    const message = `is of nodes for ${lock.arch}, and this host is ${facts.arch}`;
    return [{ path: lockFileName, message, hint: 'make one on a host like this: knest lock' }];
  }
  return [
    ...rootfsProblems(spec, lock),
    ...kubernetesProblems(spec, lock, facts),
    ...componentProblems(spec, lock),
  ].map((problem) => ({ ...problem, hint: 'knest lock writes it anew; --no-lock does without it' }));
}

function rootfsProblems({ image, nodes }: ClusterSpec, lock: Lock): Problem[] {
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
    const own = lockedRootfsId(image, locked, lock.arch);
    if (own === locked.id) return [];
    const message = `has ${locked.id}, of knest ${lock.knest}, and this knest makes ${own} of the same packages`;
    return [{ path: lockFileName, message }];
  });
}

function kubernetesProblems(spec: ClusterSpec, lock: Lock, facts: HostFacts): Problem[] {
  const wanted = [
    ...(spec.nodes.every(({ kubernetes }) => kubernetes) ? [] : [{ path: '', kubernetes: {} }]),
    ...spec.nodes.flatMap(({ kubernetes }, index) =>
      kubernetes ? [{ path: `nodes[${index}].`, kubernetes }] : [],
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
