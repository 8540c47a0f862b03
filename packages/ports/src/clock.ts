/** Reads time. Both readings are whole or fractional milliseconds; the two are never compared with each other. */
export interface Clock {
  /** Wall time in ms since the Unix epoch. May jump either way; used for stamps and for nothing else. */
  wallMs(): number
  /** Milliseconds since an arbitrary start. Never decreases; used for durations, deadlines and timers. */
  monotonicMs(): number
}
