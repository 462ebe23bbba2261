/** kind's patches of containerd's configuration. */

import { isMapping } from '../../formats/mapping.ts';
import { parse, stringify } from 'smol-toml';
import { mergePatch } from '../../formats/merge-patch.ts';
import { tomlProblem } from '../containerd-patches.ts';
import type { ConfigPatch } from '../types.ts';
import { readDocuments } from '../yaml.ts';
import type { Draft } from './draft.ts';
import { afterOperations, difference } from './json-patch.ts';
import type { KindConfig } from './schema.ts';

/** All of them as texts of TOML, in the order in which kind applies them; undefined when there are none. */
export function containerdPatches(kind: KindConfig, draft: Draft): string[] | undefined {
  const texts = kind.containerdConfigPatches ?? [];
  const jsonPatches = kind.containerdConfigPatchesJSON6902 ?? [];
  if (texts.length + jsonPatches.length === 0) return undefined;
  let document = texts
    .filter((text) => tomlProblem(text) === undefined)
    .reduce<ConfigPatch>((all, text) => mergePatch(all, parse(text)) as ConfigPatch, {});
  const more = jsonPatches.flatMap((text, index) => {
    const path = ['containerdConfigPatchesJSON6902', index];
    const read = readDocuments(text);
    if ('faults' in read) {
      for (const { message, line, column } of read.faults)
        draft.problem(path, `is not YAML: line ${line}, column ${column}: ${message}`);
      return [];
    }
    const result = afterOperations(document, read.data.flat());
    if ('problem' in result) {
      draft.problem(
        path,
        result.problem,
        'only what patches put there is known; a merge patch in TOML may do',
      );
      return [];
    }
    const patch = difference(document, result.document);
    document = result.document;
    if (!takesAway(patch)) return [stringify(patch)];
    draft.problem(path, 'cannot be done: taking away what another patch has put there');
    return [];
  });
  return [...texts, ...more];
}

/** TOML has no null. */
function takesAway(value: unknown): boolean {
  return value === null || (isMapping(value) && Object.values(value).some(takesAway));
}
