import type { Clock, Hash, Random } from '@starling/ports'
import type { ReplicaLimits } from './config.ts'
import type { ExchangeState } from './exchange-state.ts'
import type { SyncExchange, SyncOutcome, SyncProtocol } from './ports.ts'
import { KnownMemory } from './range-exchange-known.ts'
import { RangeSession } from './range-exchange-session.ts'
import { VainRounds } from './range-exchange-vain.ts'

/** What a reconciliation is given beside the state. */
export interface RangeExchangeInit {
  readonly clock: Clock
  readonly random: Random
  readonly hash: Hash
  readonly limits: Pick<ReplicaLimits, 'frameBytesTarget' | 'frameBytesMax'>
  /** How far the stamps that a peer says it knows may be ahead of this node's wall clock, ms. Default: the clock's bound. */
  readonly driftMsMax?: number | undefined
}

/** What is known to differ and has not crossed yet, in entries. Both fall while entries flow. */
export interface RangeProgress {
  readonly toSend: number
  readonly toReceive: number
}

/** What one round is told. */
export interface RoundContext {
  readonly peer: string
  readonly initiator: boolean
  readonly signal: AbortSignal
  /** Called after each frame received. */
  readonly progress?: ((progress: RangeProgress) => void) | undefined
}

/** What one round did. */
export interface RangeOutcome extends SyncOutcome {
  /** Something that differs was left to another round, which should follow at once. */
  readonly more: boolean
  /** It cost much and made no difference here; see {@link VainRounds}. */
  readonly vain: boolean
}

/**
 * The reconciliation of two replicas by ranges: what differs is found by comparing fingerprints, and only that crosses.
 *
 * Both sides compare their live entries as of the start. Each sends its entry, evidence included, for every item that the other
 * lacks, while the comparison still goes on; what the other holds only as evidence, or knows to be dead, comes back. Evidence
 * alone neither causes a difference nor prevents equality. A session that is cut loses nothing of what had crossed.
 *
 * @see docs/wire/sync.md
 */
export class RangeExchange implements SyncProtocol {
  readonly #state: ExchangeState
  readonly #init: RangeExchangeInit
  readonly #memory = new KnownMemory()
  readonly #vain = new VainRounds()

  constructor(state: ExchangeState, init: RangeExchangeInit) {
    this.#state = state
    this.#init = init
  }

  /**
   * One round with one peer; both sides call it on the two ends of one exchange.
   *
   * @throws SyncFrameError when the peer breaks the rules or stops early; what the state throws; the signal's reason.
   */
  async reconcile(exchange: SyncExchange, context: RoundContext): Promise<RangeOutcome> {
    context.signal.throwIfAborted()
    this.#state.assertReady()
    const session = this.#state.begin(context.peer)
    const round = new RangeSession(exchange, context, session, this.#memory, this.#init)
    try {
      await round.run()
    } catch (error) {
      // The session's own failure is what counts, whatever ending it does.
      await session.finish({ wholeRange: false, refused: 0 }).catch(() => {})
      throw error
    }
    const { outcome, changed, end } = round.result()
    await session.finish(end)
    const effect = { outcome, changed, wholeRange: end.wholeRange }
    return { ...outcome, vain: this.#vain.judge(context.peer, session.tree, effect) }
  }
}
