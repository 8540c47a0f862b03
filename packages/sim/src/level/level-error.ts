import { DiskError } from '../disk/disk-error.ts'

/** What kind of failure: the codes that classic-level gives. */
export type SimLevelErrorCode =
  | 'LEVEL_CORRUPTION'
  | 'LEVEL_DATABASE_NOT_OPEN'
  | 'LEVEL_IO_ERROR'
  | 'LEVEL_LOCKED'

/** A call of a {@link SimLevel} failed, with the code and the words of the database that it stands for. */
export class SimLevelError extends Error {
  override readonly name = 'SimLevelError'
  readonly code: SimLevelErrorCode

  constructor(code: SimLevelErrorCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.code = code
  }
}

export function corruption(what: string): SimLevelError {
  return new SimLevelError('LEVEL_CORRUPTION', `Corruption: ${what}`)
}

/** What the database makes of a failed system call. Other errors stay what they are. */
export function toLevelError(error: unknown): unknown {
  return error instanceof DiskError
    ? new SimLevelError('LEVEL_IO_ERROR', `IO error: ${error.path}: ${error.reason}`, { cause: error })
    : error
}
