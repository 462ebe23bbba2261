/** Node's code of an error: ENOENT, ECONNREFUSED, ... */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** An error that looks as if Node had thrown it. */
export function errorWithCode(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
