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

/** Makes systemd read unit files again. */
export function daemonReloadCommand(): string[] {
  return ['systemctl', 'daemon-reload'];
}

/** Returns when the units are up, or have failed. */
export function startUnitsCommand(units: readonly string[]): string[] {
  return ['systemctl', 'start', '--', ...units];
}

/** Makes a unit active without those that it pulls in. */
export function startAloneCommand(unit: string): string[] {
  return ['systemctl', 'start', '--job-mode=ignore-dependencies', '--', unit];
}

/** A unit that is up does what its ExecReload= says; one that isn't is started. */
export function reloadOrRestartCommand(unit: string): string[] {
  return ['systemctl', 'reload-or-restart', '--', unit];
}

/** Returns when they are down; `wait: false` only asks for it. */
export function stopUnitsCommand(units: readonly string[], options: { wait?: boolean } = {}): string[] {
  return ['systemctl', 'stop', ...(options.wait === false ? ['--no-block'] : []), '--', ...units];
}

/** SIGKILL to all processes of a unit. */
export function killUnitCommand(unit: string): string[] {
  return ['systemctl', 'kill', '--signal=SIGKILL', '--', unit];
}

/** Forgets that units failed: otherwise they are listed for ever, even without files. */
export function resetFailedCommand(units: readonly string[]): string[] {
  return ['systemctl', 'reset-failed', '--', ...units];
}
