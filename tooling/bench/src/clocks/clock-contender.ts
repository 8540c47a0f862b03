/**
 * One hybrid logical clock. It loops by itself: at tens of nanoseconds a loop that all contenders share would measure its own
 * call. Every call reads the wall clock, as a caller would have to.
 */
export interface ClockContender {
  /** Issues `count` stamps. */
  now(count: number): void
  /** Takes in `count` times a stamp from a second past. */
  receive(count: number): void
}
