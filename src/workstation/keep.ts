/** KNEST_KEEP=failure: what a failed test used is kept, to look at it. */
export function keepsFailures(): boolean {
  return process.env['KNEST_KEEP'] === 'failure';
}
