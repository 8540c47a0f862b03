/** Why a key cannot be used. `notText`: it is not a string. `illFormed`: it holds a lone surrogate. `tooLong`: over the limit. */
export type InvalidKeyReason = 'notText' | 'illFormed' | 'tooLong'

/** A key that the map does not take. Nothing happened. Use a well-formed string within the limit. */
export class InvalidKeyError extends Error {
  override readonly name = 'InvalidKeyError'
  /** What is wrong with it. */
  readonly reason: InvalidKeyReason

  constructor(reason: InvalidKeyReason, detail: string) {
    super(`The key cannot be used: ${detail}`)
    this.reason = reason
  }
}
