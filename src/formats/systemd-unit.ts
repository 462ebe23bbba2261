/** Text of systemd unit, network and nspawn files (systemd.syntax(7)). */

/** A setting may be given several times: an array repeats it. Undefined ones are left out. */
export type UnitSection = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Renders sections in the given order, e.g. { Unit: {...}, Service: {...} }; a comment goes on top. */
export function renderUnit(sections: Readonly<Record<string, UnitSection>>, comment?: string): string {
  const head = comment === undefined ? '' : comment.replaceAll(/^/gm, '# ') + '\n\n';
  const body = Object.entries(sections).map(([name, settings]) => {
    const lines = Object.entries(settings).flatMap(([key, value]) =>
      value === undefined ? [] : [value].flat().map((one) => `${key}=${one}`),
    );
    return `[${name}]\n${lines.join('\n')}\n`;
  });
  return head + body.join('\n');
}

/** Flags by name without dashes; undefined ones are left out, true is "--flag=true". */
export type Flags = Readonly<Record<string, string | number | boolean | undefined>>;

/** One flag a line, as ExecStart= shows it: `program \⏎    --a=b \⏎    --c=d`. */
export function renderCommand(program: string, flags: Flags, ...more: readonly string[]): string {
  const words = Object.entries(flags)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => commandWord(`--${name}=${String(value)}`));
  return [program, ...words, ...more].join(' \\\n    ');
}

/** A word of a command line in a unit file that the program gets as it is: a path of the user's, say. */
export function commandWord(word: string): string {
  return quoteWord(escapeSpecifiers(word));
}

/** Blanks, quotes and backslashes would end a word or vanish (systemd.service(5), "Command lines"). */
function quoteWord(word: string): string {
  return /[\s"'\\]/.test(word) ? `"${word.replaceAll(/["\\]/g, '\\$&')}"` : word;
}

/** A % begins a specifier in unit files, a $ a variable in command lines. */
function escapeSpecifiers(value: string): string {
  return value.replaceAll('%', '%%').replaceAll('$', '$$$$');
}
