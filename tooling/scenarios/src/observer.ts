import type { Input, Output } from '@starling/hyparview'

/** Sees what the membership machines of a world are told and what they want. It changes nothing. */
export interface Observer {
  step(node: number, input: Input, outputs: readonly Output[], nowMs: number): void
  /** The first promise was just found broken. */
  violated?(): void
}
