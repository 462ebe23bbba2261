/**
 * A picture that fills the terminal until somebody has seen enough. A few control sequences of xterm, which every terminal
 * has, do it: libraries for that bring widgets, a layout of their own and, some, React, for what is one list of lines.
 */

import type { Terminal } from '../terminal.ts';
import type { Palette } from './frame.ts';
import type { Line, Room } from './top-lines.ts';

/** xterm, "Control Sequences": another screen than the one with the user's history, no cursor, long lines are cut off. */
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const restOfLine = '\u001b[K';
const restOfScreen = '\u001b[J';

export interface Screen {
  /** Shows these lines, and again when the terminal has another size. */
  show: (lines: (room: Room) => readonly Line[]) => void;
  /** Aborted by "q", Escape or Ctrl-C. */
  quit: AbortSignal;
  /** The terminal is as it was. */
  close: () => void;
}

const quitKeys = ['q', 'Q', '\u001b', '\u0003'];

export function openScreen({ stdout, onKeys }: Terminal, palette: Palette): Screen {
  const quit = new AbortController();
  let shown: ((room: Room) => readonly Line[]) | undefined;
  const draw = (): void => {
    if (shown === undefined) return;
    const { columns, rows } = stdout;
    const lines = shown({ columns, rows })
      .slice(0, rows)
      .map(({ text, style }) => `${style === undefined ? text : palette[style](text)}${restOfLine}`);
    stdout.write(`${home}${lines.join('\r\n')}${restOfScreen}`);
  };
  const stopKeys = onKeys((keys) => {
    // arrows and the like begin with Escape, too, and come in one piece
    if (quitKeys.includes(keys) || keys.includes('\u0003')) quit.abort();
  });
  stdout.stream.on('resize', draw);
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    process.off('exit', close);
    stdout.stream.off('resize', draw);
    stopKeys();
    stdout.write(leave);
  };
  // whatever ends the process, a second signal say
  process.once('exit', close);
  stdout.write(enter);
  return {
    show: (lines) => {
      shown = lines;
      draw();
    },
    quit: quit.signal,
    close,
  };
}
