/** ssh(1): a shell command on another machine, in the user's name and by the user's configuration. */

export interface SshTarget {
  /** user@host, or the name of an entry of ssh_config(5). */
  destination: string;
  port: string | undefined;
}

/** @param script for the shell there @param args its $1, $2, ...; $0 is "sh" */
export function sshCommand(
  { destination, port }: SshTarget,
  script: string,
  args: readonly string[],
): string[] {
  const words = ['sh', '-c', script, 'sh', ...args].map(quoted).join(' ');
  return [
    // asks nothing: nobody may be there to answer
    ...['ssh', '-o', 'BatchMode=yes'],
    ...(port === undefined ? [] : ['-p', port]),
    ...['--', destination, words],
  ];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
