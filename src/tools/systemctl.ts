/** State of a systemd unit inside a machine (systemctl(1) show). */
export interface UnitStatus {
  name: string;
  active: string;
  sub: string;
  result: string;
  restarts: number;
}

const properties = ['Id', 'ActiveState', 'SubState', 'Result', 'NRestarts'];

/** systemctl(1) show: properties, meant for programs. */
export function showUnitsCommand(units: readonly string[]): string[] {
  return ['systemctl', 'show', '--no-pager', `--property=${properties.join(',')}`, '--', ...units];
}

/** Blocks of key=value, an empty line between units. */
export function parseUnitProperties(text: string): UnitStatus[] {
  return text
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const values = new Map(block.split('\n').map((line) => splitOnce(line)));
      return {
        name: values.get('Id') ?? '',
        active: values.get('ActiveState') ?? '',
        sub: values.get('SubState') ?? '',
        result: values.get('Result') ?? '',
        restarts: Number(values.get('NRestarts') ?? 0),
      };
    });
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}
