import { InputError } from '../errors.ts';

export interface Refusals {
  /**
   * Does a part of the work. One that refuses what it was given is not the end yet: others may refuse more.
   * @returns undefined when it was refused, or could not be done for another reason
   */
  attempt: <T>(work: () => T) => { value: T } | undefined;
  /** @throws what was refused, all at once; else what failed first for another reason */
  check: () => void;
}

/** So that users are told of everything that is wrong, and not of one thing after the other. */
export function collectRefusals(): Refusals {
  const refused: InputError[] = [];
  const failures: unknown[] = [];
  return {
    attempt: (work) => {
      try {
        return { value: work() };
      } catch (error) {
        if (error instanceof InputError) refused.push(error);
        else failures.push(error);
        return undefined;
      }
    },
    check: () => {
      const [first, ...more] = refused;
      if (first && more.length === 0) throw first;
      if (first)
        throw new InputError(
          'the cluster cannot be made',
          refused.flatMap(({ problems }) => problems),
        );
      if (failures.length > 0) throw failures[0];
    },
  };
}
