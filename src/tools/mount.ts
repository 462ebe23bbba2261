/**
 * Mount points at or below a folder, deepest first.
 * @param mountinfo text of /proc/self/mountinfo (proc(5)): field 5 is the mount point, with octal escapes
 */
export function mountsBelow(mountinfo: string, folder: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((field): field is string => field !== undefined)
    .map((field) =>
      field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    )
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse();
}

export function umountCommand(point: string): string[] {
  return ['umount', '--', point];
}
