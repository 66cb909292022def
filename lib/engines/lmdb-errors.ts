import { StreamError, type StreamErrorCode } from '../errors.js';

/** What the codes of LMDB, and those of the operating system, mean for a user. */
const MEANINGS: readonly (readonly [StreamErrorCode, readonly (number | string)[]])[] = [
  // MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID, MDB_BAD_CHECKSUM
  ['DATA_LOSS', [-30797, -30796, -30793, -30778]],
  // MDB_MAP_FULL, MDB_READERS_FULL, MDB_TXN_FULL; no memory, open files, room or quota
  ['RESOURCE_EXHAUSTED', [-30792, -30790, -30788, 12, 23, 24, 28, 122]],
  ['RESOURCE_EXHAUSTED', ['ENOMEM', 'ENFILE', 'EMFILE', 'ENOSPC', 'EDQUOT']],
  // not permitted, no access, read-only
  ['PERMISSION_DENIED', [1, 13, 30, 'EPERM', 'EACCES', 'EROFS']],
  ['INVALID_ARGUMENT', ['ENOTDIR', 'EEXIST', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE']],
  // MDB_VERSION_MISMATCH
  ['FAILED_PRECONDITION', [-30794]],
];

/** What LMDB, or the file system, failed with, as an error of the engine; one that is such an error stays. */
export function storeError(error: unknown, path: string): StreamError {
  if (error instanceof StreamError) return error;
  const { code, message } = error as { code?: number | string; message?: string };
  const meaning = MEANINGS.find(([, codes]) => code !== undefined && codes.includes(code));
  return new StreamError(
    meaning?.[0] ?? 'UNAVAILABLE',
    `The LMDB store in ${path} failed: ${String(message)}.`,
    {
      cause: error,
    },
  );
}
