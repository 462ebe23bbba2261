/** Rulesets as what `nft -f -` reads: each text is one transaction. */

import type { Collection } from './collections.ts';
import type { Ruleset } from './ruleset.ts';

export const table = 'inet knest_policy';

/** Makes the rules, whatever was there before. undefined: takes the table away. */
export function renderWhole(ruleset: Ruleset | undefined): string {
  // a table that is missing cannot be deleted, so it is made first
  const fresh = `table ${table}\ndelete table ${table}\n`;
  if (!ruleset) return fresh;
  const elements = ruleset.collections.map((one) => elementsCommand('add', one, [...one.elements]));
  return `${fresh}${skeleton(ruleset)}${elements.join('')}`;
}

/**
 * Brings one ruleset to another: pods that come and go change elements only, whose number is small. Empty: they are the
 * same.
 */
export function renderChange(before: Ruleset, after: Ruleset): string {
  if (skeleton(before) !== skeleton(after)) return renderWhole(after);
  return after.collections
    .map((collection, index) => {
      const old = before.collections[index]?.elements ?? new Set();
      const gone = [...old].filter((element) => !collection.elements.has(element));
      const come = [...collection.elements].filter((element) => !old.has(element));
      return elementsCommand('delete', collection, gone) + elementsCommand('add', collection, come);
    })
    .join('');
}

/** All but the elements. */
function skeleton({ collections, chains }: Ruleset): string {
  const sets = collections.map(({ kind, name, type }) => `  ${kind} ${name} { type ${type}; }\n`);
  const texts = chains.map(
    ({ name, rules }) => `  chain ${name} {\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`,
  );
  return `table ${table} {\n${sets.join('')}${texts.join('')}}\n`;
}

function elementsCommand(verb: 'add' | 'delete', { name }: Collection, elements: readonly string[]): string {
  return elements.length === 0 ? '' : `${verb} element ${table} ${name} { ${elements.join(', ')} }\n`;
}
