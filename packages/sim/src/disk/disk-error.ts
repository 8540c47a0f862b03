/** What a simulated system call fails with, in the words of POSIX. */
export type DiskErrorCode =
  | 'EEXIST'
  | 'EINVAL'
  | 'EIO'
  | 'EISDIR'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOTDIR'
  | 'ENOTEMPTY'
  | 'EROFS'
  | 'EXDEV'

const TEXTS: Readonly<Record<DiskErrorCode, string>> = {
  EEXIST: 'File exists',
  EINVAL: 'Invalid argument',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ENOENT: 'No such file or directory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  ENOTEMPTY: 'Directory not empty',
  EROFS: 'Read-only file system',
  EXDEV: 'Invalid cross-device link'
}

/** A simulated system call failed, by itself or because a fault was injected. `code` is what Node.js would give. */
export class DiskError extends Error {
  override readonly name = 'DiskError'
  readonly code: DiskErrorCode
  readonly path: string
  /** The text of `strerror`. */
  readonly reason: string

  constructor(code: DiskErrorCode, path: string) {
    super(`${code}: ${TEXTS[code].toLowerCase()}, ${path}`)
    this.code = code
    this.path = path
    this.reason = TEXTS[code]
  }
}
