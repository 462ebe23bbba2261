/** Of the file beside a config that says what the layers of its nodes are made of: see lock.ts. */
export const lockFileName = 'knest.lock';
