import { describe, expect, it } from 'vitest';

import { chunksOfScript } from '../../scripts/record.ts';
import { framesOf } from '../../scripts/recording/frames.ts';
import type { Chunk } from '../../scripts/recording/frames.ts';
import { renderSvg } from '../../scripts/recording/svg.ts';

const size = { columns: 20, rows: 5 };

const texts = async (chunks: readonly Chunk[]) =>
  (await framesOf(chunks, size)).map(({ at, rows }) => ({
    at,
    rows: rows.map((row) => row.map(({ text }) => text).join('|')),
  }));

describe('chunksOfScript', () => {
  it('cuts the output where the timing says, after the header, whatever the bytes are', () => {
    const output = Buffer.from('Script started on a day\nab✓\r\n');
    const chunks = chunksOfScript(output, '0.5 3\n0.25 4\n');
    expect(chunks.map(({ at }) => at)).toEqual([0.5, 0.75]);
    expect(Buffer.concat(chunks.map(({ data }) => Buffer.from(data))).toString()).toBe('ab✓\r\n');
  });
});

describe('framesOf', () => {
  it('shows a redrawn line as one picture after the other, not what is between them', async () => {
    expect(
      await texts([
        { at: 0, data: 'one' },
        { at: 1, data: '\r\x1b[2K' },
        { at: 1.01, data: 'two' },
        { at: 2, data: '\x1b[0m' },
      ]),
    ).toEqual([
      { at: 0, rows: ['one'] },
      { at: 1.01, rows: ['two'] },
    ]);
  });

  it('keeps colours apart, and columns', async () => {
    const [frame] = await framesOf([{ at: 0, data: '  \x1b[32m✓\x1b[39m a b \x1b[2mfaint\x1b[22m' }], size);
    expect(frame?.rows).toEqual([
      [
        { column: 2, text: '✓', colour: 2, bold: false, dim: false },
        { column: 4, text: 'a b', colour: undefined, bold: false, dim: false },
        { column: 8, text: 'faint', colour: undefined, bold: false, dim: true },
      ],
    ]);
  });
});

describe('renderSvg', () => {
  it('hides what is gone at the end and escapes what is there', async () => {
    const frames = await framesOf(
      [
        { at: 0, data: 'gone' },
        { at: 1, data: '\r<stays> & more' },
      ],
      size,
    );
    const svg = renderSvg(frames, { columns: 20, seconds: 4 });
    expect(svg).toContain('<g class="a h" style="animation-name:s0"><text');
    expect(svg).toContain('@keyframes s0{0%{visibility:visible}25%{visibility:hidden}}');
    expect(svg).toContain('<g class="a" style="animation-name:s1"><text');
    expect(svg).toContain(
      '@keyframes s1{0%{visibility:hidden}25%{visibility:visible}100%{visibility:visible}}',
    );
    expect(svg).toContain('>&lt;stays&gt; &amp; more</text>');
  });

  it('does not animate what is always there', async () => {
    const svg = renderSvg(await framesOf([{ at: 0, data: 'still' }], size), { columns: 20, seconds: 4 });
    expect(svg).not.toContain('class="a');
  });
});
