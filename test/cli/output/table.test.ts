import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../src/cli/output/table.ts';

interface Row {
  name: string;
  count?: number;
}

const columns = [
  { heading: 'NAME', cell: ({ name }: Row) => name },
  { heading: 'COUNT', cell: ({ count }: Row) => count },
];

describe('renderTable', () => {
  it('pads columns and leaves no blanks at the end of lines', () => {
    expect(
      renderTable(columns, [{ name: 'a', count: 0 }, { name: 'longer name', count: 12 }, { name: '' }]),
    ).toBe(
      ['NAME          COUNT', 'a             0', 'longer name   12', '<none>        <none>', ''].join('\n'),
    );
  });

  it('has its headings even when there are no rows', () => {
    expect(renderTable(columns, [])).toBe('NAME   COUNT\n');
  });
});
