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
