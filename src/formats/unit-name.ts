/**
 * The name of the unit that mounts something at a path, as systemd-escape(1) --path --suffix=mount gives it:
 * "/var/lib/machines/a-b" -> "var-lib-machines-a\x2db.mount".
 */
export function mountUnitName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  return `${parts.length === 0 ? '-' : parts.map(escapePart).join('-')}.mount`;
}

/** systemd.unit(5), "String escaping for inclusion in unit names". */
function escapePart(part: string, index: number): string {
  return [...new TextEncoder().encode(part)]
    .map((byte, at) => {
      const character = String.fromCharCode(byte);
      const isPlain = /[a-zA-Z0-9:_.]/.test(character) && !(character === '.' && at === 0 && index === 0);
      return isPlain ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

/** A % begins a specifier in unit files (systemd.unit(5), "Specifiers"). */
export function escapeUnitValue(value: string): string {
  return value.replaceAll('%', '%%');
}
