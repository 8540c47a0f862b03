import { equalBytes } from '@starling/codec'
import type { FingerprintTree } from '@starling/reconcile'
import type { SyncOutcome } from './ports.ts'
import { KNOWN_PEERS_MAX, VAIN_ENTRIES } from './range-exchange-limits.ts'

/** What one round did, as far as it shows whether it was worth anything here. */
export interface RoundEffect {
  readonly outcome: Pick<SyncOutcome, 'entriesSent' | 'entriesReceived'>
  /** Something that was received changed something. */
  readonly changed: boolean
  /** Everything was compared. */
  readonly wholeRange: boolean
}

type Root = ReturnType<FingerprintTree['fingerprint']>

/**
 * Notices rounds that cost much and change nothing here: half of what is here came once more, or much was asked for although
 * nothing has changed here since everything was compared with this peer. An honest peer causes one at times, when
 * another was faster or its disk was lost, and not one after the other.
 */
export class VainRounds {
  /** What was here when the last whole round with a peer began. */
  readonly #compared = new Map<string, Root>()

  judge(peer: string, tree: FingerprintTree, { outcome, changed, wholeRange }: RoundEffect): boolean {
    const root = tree.fingerprint()
    const before = this.#compared.get(peer)
    const isSame = before !== undefined && before.count === root.count && equalBytes(before.sum, root.sum)
    this.#compared.delete(peer)
    if (wholeRange) this.#compared.set(peer, root)
    if (this.#compared.size > KNOWN_PEERS_MAX) {
      for (const oldest of this.#compared.keys()) {
        this.#compared.delete(oldest)
        break
      }
    }
    const { entriesSent, entriesReceived } = outcome
    const gotAgain = entriesReceived >= Math.max(VAIN_ENTRIES, root.count / 2)
    return !changed && (gotAgain || (isSame && entriesSent >= VAIN_ENTRIES))
  }
}
