/** Tables as kubectl prints them: capital headings, three spaces between columns, no lines. */

export interface Column<Row> {
  heading: string;
  cell: (row: Row) => string | number | undefined;
}

/** The table with a heading line, each line ended; what a row lacks is "<none>". */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ cell }) => cellText(cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => (line[index] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function cellText(value: string | number | undefined): string {
  return value === undefined || value === '' ? '<none>' : String(value);
}
