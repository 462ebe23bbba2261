/**
 * A recording as one SVG file that needs nothing else: no script, no font, no image. Browsers play it (CSS); whatever
 * cannot, or a reader who asked for less motion, shows its end.
 */

import type { Frame, Row, Run } from './frames.ts';

export interface SvgOptions {
  columns: number;
  /** Length of the whole; the last picture stays until then. */
  seconds: number;
}

const character = { width: 8.43, height: 20, size: 14 };
const padding = { side: 22, top: 54, bottom: 22 };

const colours = { window: '#161b22', border: '#30363d', text: '#e6edf3', faint: '#8b949e' };
const buttons = ['#ff5f57', '#febc2e', '#28c840'];

/** The first sixteen of a terminal's palette: black, red, green, yellow, blue, magenta, cyan, white, and bright ones. */
const palette = [
  ...['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'],
  ...['#6e7681', '#ffa198', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#f0f6fc'],
];

export function renderSvg(frames: readonly Frame[], { columns, seconds }: SvgOptions): string {
  const lines = Math.max(...frames.map(({ rows }) => rows.length));
  const width = Math.ceil(columns * character.width + 2 * padding.side);
  const height = padding.top + lines * character.height + padding.bottom;
  const spans = Array.from({ length: lines }, (_, index) => spansOf(frames, index, seconds)).flat();
  const animations = new Map<string, string>();
  const shown = spans.map((span) => {
    if (span.from === 0 && span.to === seconds) return renderRow(span);
    const keyframes = renderKeyframes(span, seconds);
    const name = animations.get(keyframes) ?? `s${animations.size}`;
    animations.set(keyframes, name);
    const atTheEnd = span.to === seconds ? '' : ' h';
    return `<g class="a${atTheEnd}" style="animation-name:${name}">${renderRow(span)}</g>`;
  });
  const styles = [
    'text{white-space:pre}',
    '.h{visibility:hidden}',
    `@media (prefers-reduced-motion:no-preference){.a{animation:${round(seconds)}s step-end infinite}}`,
    ...[...animations].map(([keyframes, name]) => `@keyframes ${name}{${keyframes}}`),
  ];
  const fonts = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<style>${styles.join('\n')}</style>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${colours.window}" stroke="${colours.border}"/>`,
    ...buttons.map((fill, index) => `<circle cx="${24 + index * 20}" cy="24" r="6" fill="${fill}"/>`),
    `<g font-family="${fonts}" font-size="${character.size}" fill="${colours.text}" xml:space="preserve">`,
    ...shown,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** A row's content that stays the same for a while. */
interface Span {
  line: number;
  row: Row;
  from: number;
  to: number;
}

function spansOf(frames: readonly Frame[], line: number, seconds: number): Span[] {
  const spans: Span[] = [];
  for (const { at, rows } of frames) {
    const row = rows[line] ?? [];
    const last = spans.at(-1);
    if (last && JSON.stringify(last.row) === JSON.stringify(row)) continue;
    if (last) last.to = at;
    spans.push({ line, row, from: at, to: seconds });
  }
  return spans.filter((span) => span.row.length > 0);
}

function renderKeyframes({ from, to }: Span, seconds: number): string {
  const percent = (at: number): string => `${round((at / seconds) * 100)}%`;
  return [
    ...(from > 0 ? ['0%{visibility:hidden}'] : []),
    `${percent(from)}{visibility:visible}`,
    `${percent(to)}{visibility:${to < seconds ? 'hidden' : 'visible'}}`,
  ].join('');
}

function renderRow({ line, row }: Span): string {
  return row.map((run) => renderRun(run, line)).join('');
}

function renderRun({ column, text, colour, bold, dim }: Run, line: number): string {
  const x = round(padding.side + column * character.width);
  const y = padding.top + line * character.height + character.size;
  const fill = dim ? colours.faint : colour === undefined ? undefined : palette[colour];
  const attributes = [
    `x="${x}" y="${y}"`,
    // holds the columns together whichever font there is
    `textLength="${round(text.length * character.width)}"`,
    ...(fill === undefined ? [] : [`fill="${fill}"`]),
    ...(bold ? ['font-weight="600"'] : []),
  ];
  return `<text ${attributes.join(' ')}>${escape(text)}</text>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
