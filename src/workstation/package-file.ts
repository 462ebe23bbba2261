import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a file of knest's own is, by its path in the package. */
export function packageFile(path: string): string {
  return join(packageFolder(dirname(fileURLToPath(import.meta.url))), path);
}

/** This knest's version. */
export function readVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

/** The nearest folder with a package.json: this module is in src, in dist, or in a bundle of another depth. */
function packageFolder(from: string): string {
  const above = dirname(from);
  return existsSync(join(from, 'package.json')) || above === from ? from : packageFolder(above);
}
