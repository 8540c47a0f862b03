import {
  FormatNewerError,
  FormatOlderError,
  StoreLockedError,
  StoreOpenError,
  type StoreOpenReason
} from './errors.ts'

const ADVICE: readonly (readonly [codes: readonly string[], reason: StoreOpenReason, advice: string])[] = [
  [['ENOTDIR', 'EEXIST'], 'notADirectory', 'there is a file in its place; choose another folder'],
  [['ENOENT'], 'missing', 'it does not exist and cannot be made; create its parent folder'],
  [['EACCES', 'EPERM'], 'permission', 'this user may not write there; change its owner or mode'],
  [['EROFS'], 'readOnly', 'the file system is read-only; mount it writable or choose another folder'],
  [['ENOSPC', 'EDQUOT'], 'full', 'the disk is full; free some space'],
  [['EMFILE', 'ENFILE'], 'tooManyFiles', 'too many files are open; raise the limit of open files'],
  [
    ['LEVEL_CORRUPTION'],
    'corrupt',
    'its files are damaged; move it aside with moveStoreAside and start again from peers'
  ]
]

/** LevelDB reports the system's errors as text. */
const TEXTS: readonly (readonly [text: RegExp, code: string])[] = [
  [/no space left/i, 'ENOSPC'],
  [/permission denied/i, 'EACCES'],
  [/read-only file system/i, 'EROFS'],
  [/too many open files/i, 'EMFILE'],
  [/not a directory|file exists/i, 'ENOTDIR'],
  [/corruption/i, 'LEVEL_CORRUPTION'],
  // The folder is there by then, so it is one of the database's own files.
  [/no such file/i, 'LEVEL_CORRUPTION']
]

/** Turns whatever went wrong while opening into an error that says what to do. */
export function toOpenError(directory: string, error: unknown): Error {
  if (
    error instanceof StoreLockedError ||
    error instanceof StoreOpenError ||
    error instanceof FormatNewerError ||
    error instanceof FormatOlderError
  ) {
    return error
  }
  // LevelDB's own lock: somebody that our guard cannot see, such as another container on the same folder.
  const found = codes(error)
  if (found.includes('LEVEL_LOCKED')) return new StoreLockedError(directory, undefined, { cause: error })
  for (const [wanted, reason, advice] of ADVICE) {
    if (wanted.some(code => found.includes(code))) {
      return new StoreOpenError(directory, reason, advice, { cause: error })
    }
  }
  return new StoreOpenError(directory, 'failed', messageOf(error), { cause: error })
}

/** Whether an error comes from the system or the database rather than from this package or its caller. */
export function isSystemError(error: unknown): boolean {
  return codes(error).length > 0
}

/** The codes of an error and its causes, texts of the database translated. */
function codes(error: unknown): string[] {
  const found: string[] = []
  let current: unknown = error
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    const { code, message, cause } = current as NodeJS.ErrnoException
    if (code !== undefined) found.push(code)
    for (const [text, translated] of TEXTS) if (text.test(message)) found.push(translated)
    current = cause
  }
  return found
}

function messageOf(error: unknown): string {
  let text = String(error)
  let current: unknown = error
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    text = current.message
    current = current.cause
  }
  return text
}
