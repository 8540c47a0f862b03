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

/** A local write that the map's quota has no room for. Nothing happened. Remove something, or raise the quota on every node. */
export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError'
  /** What there is too much of. */
  readonly part: 'entries' | 'bytes'
  /** The limit. */
  readonly max: number

  constructor(part: 'entries' | 'bytes', max: number) {
    super(`The map has no room: at most ${max} ${part}; remove something or raise the quota on every node`)
    this.part = part
    this.max = max
  }
}

/**
 * A session would have taken away more values that are only known to be dead, by nobody's operation at hand, than is likely:
 * a peer knows too much, or this replica was away for very long. The session stops, and no other takes a value away like that
 * until the owner has decided to set them aside or to keep them.
 */
export class StaleConflictError extends Error {
  override readonly name = 'StaleConflictError'
  /** How many values one session may take away. */
  readonly max: number
  /** How many are set aside already, when that is why: there is no room for more. */
  readonly full: number | undefined

  constructor(max: number, full?: number) {
    super(
      full === undefined
        ? `A peer says that more than ${max} values here are long dead; look at them, then decide to set them aside or to keep them`
        : `A peer says that values here are long dead, and ${full} are set aside already; look at them, then decide: setting aside more forgets those set aside longest ago`
    )
    this.max = max
    this.full = full
  }
}
