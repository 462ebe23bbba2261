/** gzip, bzip2, xz and zstd: what archives are compressed with. */

/** By the bytes that such a file begins with. */
const programs: readonly { program: string; magic: readonly number[] }[] = [
  { program: 'gzip', magic: [0x1f, 0x8b] },
  { program: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { program: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { program: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
];

/** How many bytes tell. */
export const magicLength = 6;

/** The program that decompresses a file which begins so; undefined: it is not compressed. */
export function decompressorOf(beginning: Uint8Array): string | undefined {
  return programs.find(({ magic }) => magic.every((byte, index) => beginning[index] === byte))?.program;
}

/** Exits 127 where the program is not installed. */
export function decompressCommand(program: string, file: string, target: string): string[] {
  return ['sh', '-c', 'exec "$0" -dc < "$1" > "$2"', program, file, target];
}
