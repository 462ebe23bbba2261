/**
 * Errors in words: what happened, why, what to do next. A stack trace only for --debug. Output of programs may be quoted
 * in them; it must not be able to drive the terminal, and is no use in a file.
 */

import { CommandError, InputError, KnestError, problemSentence } from '../../errors.ts';
import { colourless, type Palette } from './frame.ts';
import { harmless } from './printable.ts';

/** Several lines, the last one ended. */
export function renderError(error: unknown, debug: boolean, palette: Palette = colourless): string {
  const lines = error instanceof KnestError ? expected(error, palette) : unexpected(error, debug, palette);
  return [...lines, ...(debug ? stackOf(error).map((line) => palette.faint(harmless(line))) : [])]
    .map((line) => `${line}\n`)
    .join('');
}

function expected(error: KnestError, palette: Palette): string[] {
  const headline = `${palette.bad('Error:')} ${harmless(error.message)}`;
  if (error instanceof InputError) {
    const problems = error.problems.flatMap((problem) => [
      `  ${harmless(problemSentence(problem))}`,
      ...(problem.hint === undefined ? [] : [`    ${palette.faint(harmless(problem.hint))}`]),
    ]);
    return [headline, ...problems];
  }
  return [
    headline,
    ...causesOf(error).map((cause) => `  because: ${harmless(cause)}`),
    ...error.details.flatMap((detail) =>
      detail.split('\n').map((line) => `  ${palette.faint(harmless(line))}`),
    ),
    ...(error.hint === undefined ? [] : [`${palette.busy('Next:')} ${harmless(error.hint)}`]),
  ];
}

function unexpected(error: unknown, debug: boolean, palette: Palette): string[] {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return [
    `${palette.bad('Error:')} this is a bug in knest: ${harmless(message)}`,
    ...(debug ? [] : [`${palette.busy('Next:')} run it again with --debug and report what it prints.`]),
  ];
}

/** Messages of the chain of causes that say something new. */
function causesOf(error: Error): string[] {
  const messages: string[] = [];
  for (let cause = error.cause; cause instanceof Error && messages.length < 5; cause = cause.cause) {
    // the command in full is in the stack that --debug shows: it may be longer than all else
    const message = cause instanceof CommandError ? cause.summary : cause.message;
    const known = [error.message, ...messages].some((text) => text.includes(message));
    if (message !== '' && !known) messages.push(message);
  }
  return messages;
}

function stackOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const own = (error.stack ?? '').split('\n');
  const cause = error.cause instanceof Error ? ['caused by:', ...stackOf(error.cause)] : [];
  return [...own, ...cause];
}
