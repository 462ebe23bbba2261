/** Unit files that say, setting by setting, why it is there: what a user of systemd reads first. */

export interface ExplainedSetting {
  key: string;
  /** Several: the setting is given several times. An empty string takes back what other files gave. */
  value: string | readonly string[];
  /** A comment above it; lines are broken here. */
  why?: string;
}

/** Sections in the given order, with a comment on top of the file; sections without settings are left out. */
export function renderExplainedUnit(
  comment: string,
  sections: Readonly<Record<string, readonly ExplainedSetting[]>>,
): string {
  const body = Object.entries(sections)
    .filter(([, settings]) => settings.length > 0)
    .map(([name, settings]) => `[${name}]\n${settings.map(renderSetting).join('')}`);
  return [commented(comment), ...body].join('\n');
}

function renderSetting({ key, value, why }: ExplainedSetting): string {
  const lines = [value].flat().map((one) => `${key}=${one}\n`);
  return (why === undefined ? '' : commented(why)) + lines.join('');
}

/** Longest line of a comment. */
const width = 100;

function commented(text: string): string {
  return text
    .split('\n')
    .flatMap((paragraph) => wrap(paragraph))
    .map((line) => (line === '' ? '#\n' : `# ${line}\n`))
    .join('');
}

function wrap(paragraph: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width - 2) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
