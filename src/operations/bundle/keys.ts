import { InputError, messageOf } from '../../errors.ts';
import type { Workstation } from '../../workstation/workstation.ts';

/** The text of a file with a key. @param flag that named it @throws InputError when it cannot be read */
export async function readKey(
  { local }: Pick<Workstation, 'local'>,
  file: string,
  flag: string,
): Promise<string> {
  const text = await local.readFile(file).catch((error: unknown) => {
    throw new InputError('the key', [{ path: flag, message: `cannot be read: ${messageOf(error)}` }]);
  });
  if (text !== undefined) return text;
  throw new InputError('the key', [{ path: flag, message: `there is no file ${file}` }]);
}
