/**
 * What a driver of this package must not do. Each is off; a mutant of the suite turns one on and must not survive, since the
 * rules behind them are duties of the caller that no code of this package could keep.
 */
export const DRIVER_FAULTS: Record<
  'sameIdInCopy' | 'reserveIsKnown' | 'capsBelowRefused' | 'answersDespiteRefusal' | 'keepsKnownOnDoubt',
  boolean
> = {
  /** A restored copy of a store goes on under the replica id in it. */
  sameIdInCopy: false,
  /** A former id is known up to the clock's reserve, which lies above writes that were never applied. */
  reserveIsKnown: false,
  /** A session with refusals raises `known`, only not beyond what was refused. */
  capsBelowRefused: false,
  /** An answer is applied although the entry that came with it was refused. */
  answersDespiteRefusal: false,
  /** A row is lost and `known` is not cleared. */
  keepsKnownOnDoubt: false
}
