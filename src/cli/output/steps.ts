/** The steps of a run as they stand: what the live list draws, built up event by event. */

import type { StepEvent, StepId } from '../../events.ts';

export interface StepState {
  id: StepId;
  title: string;
  /** Nesting: the step "ready/others" lies within the step "ready". */
  depth: number;
  status: 'running' | 'done' | 'skipped' | 'failed';
  /** Milliseconds, on the clock of the caller. */
  startedAt: number;
  /** Set once it has ended. */
  seconds: number | undefined;
  /** The latest word about a step under way, or the last one of a failed step. */
  message: string | undefined;
}

/** In the order to show them: as they began, each followed by those within it. */
export type Steps = readonly StepState[];

/** The steps after an event. Notes change nothing. */
export function afterEvent(steps: Steps, event: StepEvent, now: number): Steps {
  switch (event.type) {
    case 'started':
      return insert(
        steps.filter(({ id }) => id !== event.id),
        {
          id: event.id,
          title: event.title,
          status: 'running',
          startedAt: now,
          seconds: undefined,
          message: undefined,
        },
      );
    case 'progress':
      return change(steps, event.id, { message: event.message });
    case 'done':
      return change(steps, event.id, {
        status: 'done',
        title: event.title,
        seconds: event.seconds,
        message: undefined,
      });
    case 'failed':
      return change(steps, event.id, { status: 'failed', title: event.title, seconds: event.seconds });
    case 'skipped': {
      const skipped = {
        status: 'skipped',
        title: event.title,
        seconds: undefined,
        message: undefined,
      } as const;
      return steps.some(({ id }) => id === event.id)
        ? change(steps, event.id, skipped)
        : insert(steps, { id: event.id, startedAt: now, ...skipped });
    }
    case 'note':
      return steps;
  }
}

/**
 * Splits off what will not change any more: the steps at the top that have ended, with all that lies within them.
 * They can be left behind on the terminal, and only the rest needs to be drawn again.
 */
export function settle(steps: Steps): { settled: Steps; rest: Steps } {
  const groups = steps.reduce<StepState[][]>((all, step) => {
    const group = all.at(-1);
    if (step.depth === 0 || group === undefined) return [...all, [step]];
    group.push(step);
    return all;
  }, []);
  const open = groups.findIndex((group) => group.some(({ status }) => status === 'running'));
  const count = open === -1 ? groups.length : open;
  return { settled: groups.slice(0, count).flat(), rest: groups.slice(count).flat() };
}

function change(steps: Steps, id: StepId, changes: Partial<StepState>): Steps {
  return steps.map((step) => (step.id === id ? { ...step, ...changes } : step));
}

function insert(steps: Steps, step: Omit<StepState, 'depth'>): Steps {
  const parent = steps.findLastIndex(({ id }) => step.id.startsWith(`${id}/`));
  const depth = (steps[parent]?.depth ?? -1) + 1;
  if (parent === -1) return [...steps, { ...step, depth }];
  const following = steps.slice(parent + 1).findIndex((other) => other.depth < depth);
  const position = following === -1 ? steps.length : parent + 1 + following;
  return [...steps.slice(0, position), { ...step, depth }, ...steps.slice(position)];
}
