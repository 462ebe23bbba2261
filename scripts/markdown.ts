/** Pieces of the generated pages. */

const generated = '<!-- Written by scripts/reference.ts: change the program, not this page. -->';

export function page(title: string, lines: readonly string[]): string {
  return [generated, '', `# ${title}`, '', ...lines, ''].join('\n');
}

export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)];
}
