import type { Refusal } from './types.ts'

/** What has happened since construction. */
export class Counters {
  opened = 0
  accepted = 0
  handlersFailed = 0
  channelsTruncated = 0
  readonly refused: Record<Refusal, number> = noRefusals()
  readonly refusedByPeer: Record<Refusal, number> = noRefusals()
}

function noRefusals(): Record<Refusal, number> {
  return { unknownTag: 0, busy: 0, malformed: 0, timeout: 0, closing: 0 }
}
