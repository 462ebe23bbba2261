import { dirname, relative, resolve, sep } from 'node:path';

import { entrances, layers } from './layers.js';

const root = resolve(import.meta.dirname, '../..');

/** Refuses imports that are not in the table of layers. */
export const layersRule = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = relative(root, context.filename).split(sep).join('/');
    const from = folderOf(file);
    if (from === undefined) return {};
    const check = (node) => {
      const { source } = node;
      if (!source || typeof source.value !== 'string' || !source.value.startsWith('.')) return;
      const target = relative(root, resolve(dirname(context.filename), source.value))
        .split(sep)
        .join('/');
      const message = problemOf(from, folderOf(target), target);
      if (message) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};

/** "src/plan/cluster.ts" -> "plan", "src/errors.ts" -> "errors"; undefined outside of src. */
function folderOf(file) {
  return /^src\/([^/.]+)/.exec(file)?.[1];
}

function problemOf(from, to, target) {
  if (to === undefined || to === from) return undefined;
  const allowed = layers[from];
  if (!allowed) return `src/${from} is in no layer: give it a place in scripts/lint/layers.js`;
  if (!allowed.includes(to)) {
    return `src/${from} may not import src/${to}: see docs/architecture.md and scripts/lint/layers.js`;
  }
  const only = entrances[to];
  if (only && !only.includes(target)) return `src/${to} is entered by ${only.join(' or ')} only`;
  return undefined;
}
