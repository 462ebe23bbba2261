import { describe, expectTypeOf, it } from 'vitest';

import type { Step } from '../src/apply/runner.ts';
import type { StepId } from '../src/events.ts';

describe('the ids of steps', () => {
  it('are a closed union: other ids do not compile', () => {
    expectTypeOf<'ready' | 'machine/lab-worker' | 'delete-node/lab-worker/drain'>().toExtend<StepId>();
    expectTypeOf<'redy'>().not.toExtend<StepId>();
    expectTypeOf<'delete-node/lab-worker/drained'>().not.toExtend<StepId>();
    expectTypeOf<string>().not.toExtend<Step['id']>();
  });
});
