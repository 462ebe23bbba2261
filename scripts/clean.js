/** What is built is only what the sources are now: files of an earlier build would be packed with it. */
import { rm } from 'node:fs/promises';

await rm(`${import.meta.dirname}/../dist`, { recursive: true, force: true });
