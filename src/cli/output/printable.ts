/** Text from programs and files made safe and short enough for a line on a terminal. */

import { stripVTControlCharacters } from 'node:util';

/** Without escape sequences and control characters, but for tabs and the ends of lines. */
export function harmless(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is removed
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

/** One line without escape sequences and control characters: a program's output must not move the cursor. */
export function oneLine(text: string): string {
  return harmless(stripVTControlCharacters(text).replace(/\s+/g, ' ')).trim();
}

/** At most `width` characters; what is cut off is marked. */
export function shorten(text: string, width: number): string {
  const characters = Array.from(text);
  if (characters.length <= width) return text;
  return width < 1 ? '' : `${characters.slice(0, width - 1).join('')}…`;
}
