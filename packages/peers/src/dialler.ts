import type { Connection } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Timers } from '@starling/ports'
import { DIAL_SLOT_MS_MIN, TARGETS_MAX } from './config.ts'
import { limited, raced } from './deadline.ts'
import { DialError } from './errors.ts'
import type { Names } from './names.ts'
import type { DiallerPort } from './ports.ts'

export interface DialRequest {
  readonly peer: string
  /** Best first. */
  readonly addresses: readonly string[]
  /** Rotates all targets but the first, so that a later attempt reaches those an earlier one had no time for. */
  readonly turn: number
  readonly timeoutMs: number
  /** Gives the dial up. */
  readonly signal: AbortSignal
  /** An address was given up while the transport may still be dialling it. */
  readonly givenUp: () => void
}

export interface Dialled {
  readonly connection: Connection
  /** The address as the book holds it. */
  readonly address: string
}

/**
 * Reaches a peer at one of its addresses, within one deadline.
 *
 * libp2p joins parallel dials to one peer into one, so addresses are tried one after the other, each with a share of the
 * deadline: one that swallows packets does not use up the time of the others. Every dial names the peer id, else anybody
 * at that address would do, and asks for a connection of its own, because "existing" may be one that the peer is closing.
 *
 * Rejects with DialError, also when the signal aborts.
 */
export async function dial(
  port: DiallerPort,
  timers: Timers,
  names: Names,
  request: DialRequest
): Promise<Dialled> {
  const { peer, addresses, timeoutMs, signal } = request
  if (addresses.length === 0) {
    throw new DialError(peer, [], "no address of it is known; pass some in want()'s addresses")
  }
  const deadline = limited(timers, timeoutMs, signal)
  try {
    const targets = await targetsOf(request, names, deadline.signal)
    if (targets.length === 0) throw new DialError(peer, addresses, 'none of its addresses can be dialled')
    const slotMs = Math.max(DIAL_SLOT_MS_MIN, timeoutMs / targets.length)
    const causes: unknown[] = []
    for (const target of targets) {
      if (deadline.signal.aborted) break
      const slot = limited(timers, slotMs, deadline.signal)
      try {
        const connection = await openRaced(port, target.multiaddr, slot.signal)
        return { connection, address: target.address }
      } catch (cause) {
        causes.push(cause)
        if (slot.signal.aborted) request.givenUp()
      } finally {
        slot.dispose()
      }
      // libp2p drops a given-up dial from its queue a moment later; a new one before that would join it and fail with it.
      await new Promise<void>(resume => timers.schedule(0, resume))
    }
    const detail = signal.aborted ? 'the dial was given up' : `none of ${targets.length} addresses answered`
    throw new DialError(peer, addresses, detail, { cause: causes.length === 1 ? causes[0] : causes })
  } finally {
    deadline.dispose()
  }
}

interface Target {
  readonly address: string
  readonly multiaddr: Multiaddr
}

async function targetsOf(request: DialRequest, names: Names, signal: AbortSignal): Promise<Target[]> {
  const { addresses, turn, peer } = request
  // A name that does not resolve now is asked for again at the next redial; the other addresses still count.
  const found = await Promise.all(addresses.map(address => names.resolve(address, signal)))
  const targets: Target[] = []
  for (const [index, address] of addresses.entries()) {
    for (const each of found[index] ?? []) {
      const target = withPeer(each, peer)
      if (target !== undefined) targets.push({ address, multiaddr: target })
    }
  }
  return rotated(targets, turn).slice(0, TARGETS_MAX)
}

/** The address with the peer's id at its end; undefined when it is malformed or names another peer. */
function withPeer(address: string, peer: string): Multiaddr | undefined {
  try {
    const parsed = multiaddr(address)
    const named = parsed.getComponents().findLast(component => component.name === 'p2p')?.value
    if (named === undefined) return parsed.encapsulate(`/p2p/${peer}`)
    return named === peer ? parsed : undefined
  } catch {
    return undefined
  }
}

function rotated(targets: readonly Target[], turn: number): readonly Target[] {
  const [first, ...rest] = targets
  if (first === undefined || rest.length === 0) return targets
  const start = turn % rest.length
  return [first, ...rest.slice(start), ...rest.slice(0, start)]
}

async function openRaced(port: DiallerPort, address: Multiaddr, signal: AbortSignal): Promise<Connection> {
  const opening = port.openConnection(address, { signal, force: true })
  try {
    return await raced(opening, signal)
  } catch (error) {
    // A connection that comes after all is nobody's.
    opening.then(
      late => late.close().catch(() => late.abort(new Error('the dial was given up'))),
      () => {}
    )
    throw error
  }
}
