import type { Stamp } from '@starling/hlc'
import type { ReplicaId } from './types.ts'

/** What a replica can say about writes that it may hold no trace of; {@link Known} is one. */
export interface Coverage {
  /** Whether every write of `replica` up to `stamp` is either live here or superseded here. */
  covers(replica: ReplicaId, stamp: Stamp): boolean
  /** Rises whenever more may be covered than before, so that what was not covered is worth another look. */
  readonly raises: number
}

/**
 * What absence means, and with it when evidence may go.
 *
 * - `byAge`, the default: absence means nothing, and evidence goes when it is old enough. After a separation that is longer
 *   than evidence lives, removed keys may come back.
 * - `byKnown`: the absence of a write that `known` covers means that it is dead, and evidence goes only when it is covered.
 */
export type Forgetting = { readonly type: 'byAge' } | { readonly type: 'byKnown'; readonly known: Coverage }

/** The default: absence is never death. */
export const BY_AGE: Forgetting = { type: 'byAge' }
