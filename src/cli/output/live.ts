/** The story as a live list on a terminal: every step with its time, those under way turning. */

import { createLogUpdate } from 'log-update';
import type { Listener } from '../../events.ts';
import type { Terminal } from '../terminal.ts';
import { paletteFor } from './colour.ts';
import { pending, renderFrame } from './frame.ts';
import { oneLine } from './printable.ts';
import type { Reporter } from './reporter.ts';
import { afterEvent, settle, type Steps } from './steps.ts';

const frameInterval = 100;

/** Milliseconds without a step under way until it is shown that the command is: nobody is left to wonder for longer than two. */
const silence = 1000;

/** @param command what is under way while no step is; undefined: another program has the terminal, so nothing is drawn then */
export function liveReporter(
  { stderr, env }: Terminal,
  now: () => number = Date.now,
  command?: string,
): Reporter {
  const palette = paletteFor(stderr, env);
  const draw = createLogUpdate(stderr.stream);
  let steps: Steps = [];
  let heard = now();

  const frame = (shown: Parameters<typeof renderFrame>[0]) =>
    renderFrame(shown, stderr.columns, now(), palette);
  /** Leaves lines behind above the list; log-update redraws the list below them. */
  const leaveBehind = (text: string) => {
    draw.clear();
    stderr.write(`${text}\n`);
  };
  const redraw = () => {
    const { settled, rest } = settle(steps);
    if (settled.length > 0) leaveBehind(frame(settled));
    steps = rest;
    if (rest.length > 0) draw(frame(rest));
    else if (command !== undefined && now() - heard >= silence) draw(frame([pending(command, heard)]));
    else draw.clear();
  };
  const listener: Listener = (event) => {
    if (event.type === 'note') {
      const message = oneLine(event.message);
      leaveBehind(
        event.level === 'warning'
          ? ` ${palette.warning('!')} ${message}`
          : ` ${palette.faint('i')} ${message}`,
      );
    }
    heard = now();
    steps = afterEvent(steps, event, heard);
    // Progress can come by the thousand: the next frame shows the latest.
    if (event.type !== 'progress') redraw();
  };
  const timer = setInterval(redraw, frameInterval);
  timer.unref();
  return {
    listener,
    say: (text) => {
      leaveBehind(text);
      redraw();
    },
    close: () => {
      clearInterval(timer);
      heard = now();
      redraw();
      // What is still under way was cut off and stays on the screen as it was; done() shows the cursor again.
      draw.done();
    },
  };
}
