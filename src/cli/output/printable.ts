/** Text from programs and files made safe and short enough for a line on a terminal. */

import { stripVTControlCharacters } from 'node:util';

/** One line without escape sequences and control characters: a program's output must not move the cursor. */
export function oneLine(text: string): string {
  return (
    stripVTControlCharacters(text)
      .replace(/\s+/g, ' ')
      // eslint-disable-next-line no-control-regex -- control characters are what is removed
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
      .trim()
  );
}

/** At most `width` characters; what is cut off is marked. */
export function shorten(text: string, width: number): string {
  const characters = Array.from(text);
  if (characters.length <= width) return text;
  return width < 1 ? '' : `${characters.slice(0, width - 1).join('')}…`;
}
