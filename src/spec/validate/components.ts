/** Checks that what a config says of where components come from fits together. */

import type { Problem } from '../../errors.ts';
import type { At } from '../problems.ts';
import type { Config } from '../schema.ts';
import { componentNames } from '../words.ts';

/** A suite has the version that it has. */
export function componentProblems({ components = {} }: Partial<Config>, at: At): Problem[] {
  return componentNames.flatMap((name) => {
    const { source, version } = components[name] ?? {};
    if (source !== 'suite' || version === undefined) return [];
    return [
      {
        ...at(['components', name, 'version']),
        message: 'is of a release, and the source is the suite, which has a version of its own',
        hint: 'leave one of them out',
      },
    ];
  });
}
