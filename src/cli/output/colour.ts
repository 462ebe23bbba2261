/** Colours, where they are wanted (https://no-color.org) and where there is a terminal to show them. */

import pc from 'picocolors';
import type { Output } from '../terminal.ts';
import type { Palette } from './frame.ts';

export function paletteFor(output: Output, env: Readonly<Record<string, string | undefined>>): Palette {
  const unwanted = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb' || !output.isTTY;
  const { green, red, yellow, cyan, dim } = pc.createColors(!unwanted);
  return { good: green, bad: red, warning: yellow, busy: cyan, faint: dim };
}
