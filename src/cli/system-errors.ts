/** What the kernel refuses is no bug in knest: refusals in words, with what to do next. */

import { getSystemErrorMap } from 'node:util';
import { KnestError, type ErrorCode } from '../errors.ts';

interface Refusal {
  says: string;
  code: ErrorCode;
  hint: string;
}

const needsRoot = 'knest needs root: run it with sudo';
const asRoot =
  'look at its owner, its mode and its attributes (lsattr), and at how its file system is mounted';
const otherPath = 'name another path';
const moreSpace = 'free some space, or use another disk: KNEST_STATE_DIR, KNEST_CACHE_DIR';
const tooMany = 'end some programs, or raise the limit (ulimit -a), then run the same command again';
const disk = 'the disk or its file system has a fault: see dmesg';

const refusals: Readonly<Record<string, Refusal>> = {
  EACCES: { says: 'permission denied', code: 'PERMISSION_DENIED', hint: needsRoot },
  EPERM: { says: 'not permitted', code: 'PERMISSION_DENIED', hint: needsRoot },
  EROFS: {
    says: 'the file system is read-only',
    code: 'PERMISSION_DENIED',
    hint: 'mount it writable, or use other folders: KNEST_STATE_DIR, KNEST_CACHE_DIR',
  },
  ENOENT: { says: 'there is no such file or folder', code: 'FILE_UNUSABLE', hint: otherPath },
  EISDIR: { says: 'is a folder, not a file', code: 'FILE_UNUSABLE', hint: otherPath },
  ENOTDIR: {
    says: 'something on the way to it is a file, not a folder',
    code: 'FILE_UNUSABLE',
    hint: otherPath,
  },
  EEXIST: { says: 'exists already', code: 'FILE_IN_THE_WAY', hint: 'look at it, then move it away' },
  ENOTEMPTY: { says: 'the folder is not empty', code: 'FILE_IN_THE_WAY', hint: 'look at what is in it' },
  EBUSY: {
    says: 'is in use',
    code: 'FILE_UNUSABLE',
    hint: 'see who uses it (fuser -vm), then run the same command again',
  },
  ETXTBSY: { says: 'is a program that runs', code: 'FILE_UNUSABLE', hint: 'end it first' },
  ELOOP: { says: 'its symbolic links lead in a circle', code: 'FILE_UNUSABLE', hint: otherPath },
  ENAMETOOLONG: { says: 'the name is too long', code: 'FILE_UNUSABLE', hint: 'use a shorter path' },
  EXDEV: { says: 'lies on another file system', code: 'FILE_UNUSABLE', hint: otherPath },
  EIO: { says: 'reading or writing failed', code: 'FILE_UNUSABLE', hint: disk },
  ENOSPC: { says: 'no space is left', code: 'DISK_FULL', hint: moreSpace },
  EDQUOT: { says: 'the quota is used up', code: 'DISK_FULL', hint: moreSpace },
  EFBIG: { says: 'the file is larger than the limit', code: 'DISK_FULL', hint: 'raise it: ulimit -f' },
  EMFILE: { says: 'too many files are open', code: 'RESOURCES_EXHAUSTED', hint: tooMany },
  ENFILE: { says: 'too many files are open on this host', code: 'RESOURCES_EXHAUSTED', hint: tooMany },
  EAGAIN: {
    says: 'no more processes, or nothing to read yet',
    code: 'RESOURCES_EXHAUSTED',
    hint: tooMany,
  },
  ENOMEM: { says: 'no memory is left', code: 'RESOURCES_EXHAUSTED', hint: tooMany },
  EPIPE: {
    says: 'nobody reads what is written',
    code: 'FILE_UNUSABLE',
    hint: 'the other end of a pipe or a connection was closed',
  },
};

/** Anything else that the kernel says of a file, and of a connection. */
const otherOfFiles = { code: 'FILE_UNUSABLE', hint: 'run it with --debug to see which call failed' } as const;
const otherOfConnections = {
  code: 'CONNECTION_FAILED',
  hint: 'check the network, then run the same command again',
} as const;

/**
 * A refusal of the kernel as a KnestError that says where; anything else as it is.
 * @param isRoot whether knest may do what root may: sudo would not help then
 */
export function inWords(error: unknown, isRoot = process.geteuid?.() === 0): unknown {
  if (!(error instanceof Error) || error instanceof KnestError || !isSystemError(error)) return error;
  const { says, code, hint } = refusals[error.code] ?? other(error);
  const where = placeOf(error);
  return new KnestError(where === undefined ? says : `${where}: ${says}`, {
    code,
    hint: isRoot && hint === needsRoot ? asRoot : hint,
    cause: error,
  });
}

type SystemError = NodeJS.ErrnoException & {
  code: string;
  dest?: string;
  address?: string;
  port?: number;
};

/** Errors of Node's own have codes too (ERR_INVALID_ARG_TYPE): those are bugs. */
function isSystemError(error: Error): error is SystemError {
  return 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code);
}

function other({ errno, code, syscall = '' }: SystemError): Refusal {
  const says = (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? code;
  const ofConnection = /^(connect|getaddrinfo|queryA|read|write|listen|bind)/.test(syscall);
  return { says, ...(ofConnection ? otherOfConnections : otherOfFiles) };
}

function placeOf({ path, dest, address, port, syscall }: SystemError): string | undefined {
  if (path !== undefined) return dest === undefined ? path : `${path} -> ${dest}`;
  if (address !== undefined) return port === undefined ? address : `${address}:${port}`;
  return syscall;
}
