/**
 * Why bytes were refused.
 *
 * - `truncated`: the bytes end inside a field, or declare more than there is.
 * - `trailing`: bytes are left after the last field.
 * - `notShortest`: a number, length or float is written longer than it must be.
 * - `outOfRange`: a number lies outside the range its field allows.
 * - `tooLong`: a length or count is over the caller's limit.
 * - `tooDeep`: a value is nested deeper than the caller's limit.
 * - `badText`: text is not valid UTF-8.
 * - `duplicateKey`: one map holds a key twice.
 * - `notSorted`: fields that must be in ascending order are not, or one appears twice.
 * - `unsupported`: a form that this format has no use for (an indefinite length, a tag, NaN).
 * - `unknownType`: a message, record or version number that this release does not know.
 * - `invalid`: the fields are well formed but cannot belong together.
 */
export type DecodeReason =
  | 'truncated'
  | 'trailing'
  | 'notShortest'
  | 'outOfRange'
  | 'tooLong'
  | 'tooDeep'
  | 'badText'
  | 'duplicateKey'
  | 'notSorted'
  | 'unsupported'
  | 'unknownType'
  | 'invalid'

/**
 * Bytes that do not follow their format. Decoders throw it to their immediate caller, who turns it into data: a rejection
 * with its reason. It never passes through a public method that takes bytes from a peer.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  /** What is wrong. */
  readonly reason: DecodeReason
  /** Where, in bytes from the start of what was decoded. */
  readonly offset: number

  constructor(reason: DecodeReason, offset: number, detail?: string) {
    super(
      `The bytes cannot be decoded (${reason} at offset ${offset})${detail === undefined ? '' : `: ${detail}`}`
    )
    this.reason = reason
    this.offset = offset
  }
}

/** Text that UTF-8 cannot express: a surrogate without its partner. Repair it with `text.toWellFormed()` or refuse it. */
export class IllFormedTextError extends Error {
  override readonly name = 'IllFormedTextError'

  constructor() {
    super('The text holds a lone surrogate, which UTF-8 cannot express; repair it with toWellFormed() first')
  }
}

/**
 * Why a value cannot be encoded.
 *
 * - `unsupportedType`: `undefined`, a hole in an array, a function, a symbol, or an object of a class (`Date`, `Map`).
 * - `notFinite`: `NaN` or an infinity.
 * - `bigintRange`: a bigint outside −2^64 … 2^64 − 1.
 * - `illFormedText`: text or a key with a lone surrogate.
 * - `tooDeep`: nested deeper than the limit, or a cycle.
 * - `tooLarge`: more bytes than the limit.
 */
export type UnencodableReason =
  | 'unsupportedType'
  | 'notFinite'
  | 'bigintRange'
  | 'illFormedText'
  | 'tooDeep'
  | 'tooLarge'

/** A value that the codec does not carry. Nothing was written. Change the value at `path` as the message says. */
export class UnencodableValueError extends Error {
  override readonly name = 'UnencodableValueError'
  /** Keys and indexes that lead from the value to the part that is refused; empty for the value itself. */
  readonly path: readonly (string | number)[]
  /** What is wrong with it. */
  readonly reason: UnencodableReason

  constructor(path: readonly (string | number)[], reason: UnencodableReason, detail: string) {
    super(`The value${path.map(part => `[${JSON.stringify(part)}]`).join('')} cannot be encoded: ${detail}`)
    this.path = path
    this.reason = reason
  }
}
