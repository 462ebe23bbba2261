/** What a command gives on stdout, in the format asked for by -o. */

export type OutputFormat = 'text' | 'name' | 'wide' | 'json' | 'yaml';

export interface Rendering<T> {
  /** For people; `wide` adds columns. */
  text: (value: T, wide: boolean) => string;
  /** One name a line, for scripts. */
  names?: (value: T) => readonly string[];
}

/** The result as text with a newline at its end, or nothing at all. */
export async function renderResult<T>(
  format: OutputFormat,
  value: T,
  rendering: Rendering<T>,
): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(value, undefined, 2)}\n`;
    case 'yaml':
      return renderYaml(value);
    case 'name':
      return (rendering.names?.(value) ?? []).map((name) => `${name}\n`).join('');
    case 'text':
    case 'wide':
      return rendering.text(value, format === 'wide');
  }
}

async function renderYaml(value: unknown): Promise<string> {
  // its default: bundled, a CommonJS module has no named exports when it is loaded like this
  const { stringify } = (await import('yaml')).default;
  // Through JSON first, so that yaml and json never differ (undefined fields, dates); aliases help no reader.
  return stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false, lineWidth: 0 });
}
