import type { Connection } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Timers } from '@starling/ports'
import { ADDRESSES_PER_PEER_MAX, DIAL_SLOT_MS_MIN } from './config.ts'
import { DialError } from './errors.ts'
import type { DiallerPort } from './ports.ts'
import type { PeersInit } from './types.ts'

export interface DialRequest {
  readonly peer: string
  /** Best first. */
  readonly addresses: readonly string[]
  /** Rotates all addresses but the first, so that a later attempt reaches those an earlier one had no time for. */
  readonly turn: number
  readonly timeoutMs: number
  /** Gives the dial up. */
  readonly signal: AbortSignal
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
  resolve: PeersInit['resolve'],
  request: DialRequest
): Promise<Dialled> {
  const { peer, addresses, timeoutMs, signal } = request
  if (addresses.length === 0) {
    throw new DialError(peer, [], "no address of it is known; pass some in want()'s addresses")
  }
  const deadline = limited(timers, timeoutMs, signal)
  try {
    const targets = await targetsOf(request, resolve, deadline.signal)
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

async function targetsOf(
  request: DialRequest,
  resolve: PeersInit['resolve'],
  signal: AbortSignal
): Promise<Target[]> {
  const targets: Target[] = []
  for (const address of rotated(request.addresses, request.turn)) {
    for (const found of await resolved(address, resolve, signal)) {
      const target = withPeer(found, request.peer)
      if (target !== undefined) targets.push({ address, multiaddr: target })
    }
  }
  return targets.slice(0, 2 * ADDRESSES_PER_PEER_MAX)
}

async function resolved(
  address: string,
  resolve: PeersInit['resolve'],
  signal: AbortSignal
): Promise<readonly string[]> {
  if (resolve === undefined) return [address]
  try {
    return await raced(resolve(address, { signal }), signal)
  } catch {
    // A name that does not resolve now is tried again at the next redial; the other addresses still count.
    return []
  }
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

function rotated(addresses: readonly string[], turn: number): readonly string[] {
  const [first, ...rest] = addresses
  if (first === undefined || rest.length === 0) return addresses
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

/** Settles with `promise`, or rejects as soon as `signal` aborts, whether or not the work behind it heeds the signal. */
export function raced<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {})
    return Promise.reject(reasonOf(signal))
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted')
}

/** A signal that aborts with its parent or after `timeoutMs`. Must be disposed of. */
export function limited(
  timers: Timers,
  timeoutMs: number,
  parent?: AbortSignal
): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  const onParent = (): void => controller.abort(parent?.reason)
  if (parent?.aborted === true) onParent()
  parent?.addEventListener('abort', onParent, { once: true })
  const timer = timers.schedule(timeoutMs, () =>
    controller.abort(new Error(`no answer within ${timeoutMs} ms`))
  )
  return {
    signal: controller.signal,
    dispose() {
      timer.cancel()
      parent?.removeEventListener('abort', onParent)
    }
  }
}
