/** Problems that are found behind the reading of a config, with their places in it. */

import { InputError } from '../errors.ts';
import type { ConfigFile } from './load.ts';
import { isKindConfig } from './kind/detect.ts';
import { placesIn } from './places.ts';
import type { Path } from './problems.ts';
import { readYaml } from './yaml.ts';

/** The same error, in which problems with a path of the config say where that is; kind's configs have other paths. */
export function withPlacesOf(
  { text, name }: Pick<ConfigFile, 'text' | 'name'>,
  error: InputError,
): InputError {
  const yaml = readYaml(text);
  if ('faults' in yaml || isKindConfig(yaml.data)) return error;
  const at = placesIn(name, yaml.read);
  const problems = error.problems.map((problem) => {
    if (problem.place !== undefined || problem.path === '' || problem.path.startsWith('-')) return problem;
    const { place } = at(pathOf(problem.path));
    return place === undefined ? problem : { ...problem, place };
  });
  return new InputError(error.message.replace(/: \d+ problems?$/, ''), problems);
}

/** "nodes[0].role" -> "nodes", 0, "role" */
function pathOf(text: string): Path {
  return [...text.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([word, index]) =>
    index === undefined ? word : Number(index),
  );
}
