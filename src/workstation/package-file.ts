import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where a file of knest's own is, by its path in the package: modules lie at different depths, in src, dist and bundle. */
export function packageFile(path: string): string {
  const roots = ['../..', '../../..'].map((up) => fileURLToPath(new URL(up, import.meta.url)));
  const root = roots.find((each) => existsSync(`${each}/package.json`)) ?? roots[0] ?? '.';
  return `${root.replace(/\/$/, '')}/${path}`;
}
