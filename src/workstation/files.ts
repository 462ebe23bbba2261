import { readFile } from 'node:fs/promises';

/** A file of the user's, on the machine where knest runs. @throws Error with Node's code */
export function readUserFile(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
