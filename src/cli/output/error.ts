/** Errors in words: what happened, why, what to do next. A stack trace only for --debug. */

import { InputError, KnestError, problemSentence } from '../../errors.ts';
import { colourless, type Palette } from './frame.ts';

/** Several lines, the last one ended. */
export function renderError(error: unknown, debug: boolean, palette: Palette = colourless): string {
  const lines = error instanceof KnestError ? expected(error, palette) : unexpected(error, debug, palette);
  return [...lines, ...(debug ? stackOf(error).map((line) => palette.faint(line)) : [])]
    .map((line) => `${safe(line)}\n`)
    .join('');
}

function expected(error: KnestError, palette: Palette): string[] {
  const headline = `${palette.bad('Error:')} ${error.message}`;
  if (error instanceof InputError) {
    const problems = error.problems.flatMap((problem) => [
      `  ${problemSentence(problem)}`,
      ...(problem.hint === undefined ? [] : [`    ${palette.faint(problem.hint)}`]),
    ]);
    return [headline, ...problems];
  }
  return [
    headline,
    ...causesOf(error).map((cause) => `  because: ${cause}`),
    ...error.details.flatMap((detail) => detail.split('\n').map((line) => `  ${palette.faint(line)}`)),
    ...(error.hint === undefined ? [] : [`${palette.busy('Next:')} ${error.hint}`]),
  ];
}

function unexpected(error: unknown, debug: boolean, palette: Palette): string[] {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return [
    `${palette.bad('Error:')} this is a bug in knest: ${message}`,
    ...(debug ? [] : [`${palette.busy('Next:')} run it again with --debug and report what it prints.`]),
  ];
}

/** Messages of the chain of causes that say something new. */
function causesOf(error: Error): string[] {
  const messages: string[] = [];
  for (let cause = error.cause; cause instanceof Error && messages.length < 5; cause = cause.cause) {
    const { message } = cause;
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

/** Output of programs may be quoted here; it must not be able to drive the terminal. Colours of our own stay. */
function safe(line: string): string {
  // eslint-disable-next-line no-control-regex -- control characters but tab and our own colours are removed
  return line.replace(/\u001b(?!\[\d+m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f]/g, '');
}
