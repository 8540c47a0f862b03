import type { Connection } from '@libp2p/interface'
import type { AddressBook } from './address-book.ts'
import type { Admission } from './admission.ts'
import type { Announcer } from './announcer.ts'
import { INCARNATION_RANDOM_BITS, PENDING_INBOUND_MAX, type PeersTimings } from './config.ts'
import type { Counters } from './counters.ts'
import { limited } from './deadline.ts'
import { Dials } from './dials.ts'
import { AdmissionError } from './errors.ts'
import { Link } from './link.ts'
import type { LinkHost } from './link-host.ts'
import type { Metadata } from './metadata.ts'
import type { Names } from './names.ts'
import { stepPeer } from './peer-machine.ts'
import type { PeerRecord } from './peer-record.ts'
import { PeerRecords } from './peer-records.ts'
import type { PeerEffect, PeerInput } from './peer-types.ts'
import { isOpen, type PeersComponents } from './ports.ts'
import { PeerSession } from './session.ts'

/** What the driver is given besides its parts. */
export interface PeerDriverInit {
  readonly self: string
  readonly components: PeersComponents
  readonly timings: PeersTimings
  readonly admission: Admission
  readonly metadata: Metadata
  readonly names: Names
  readonly book: AddressBook
  readonly counters: Counters
  readonly announcer: Announcer
}

/** Carries out what the machines decide: dials, links, timers, events. It takes no decision about a peer of its own. */
export class PeerDriver {
  readonly records: PeerRecords = new PeerRecords()
  readonly links: Map<string, Link> = new Map()
  readonly #init: PeerDriverInit
  readonly #dials: Dials
  #host: LinkHost
  #phase: 'stopped' | 'running' | 'stopping' = 'stopped'
  #quiet: (() => void) | undefined
  #attempts = 0
  #stalledAtMs = Number.NEGATIVE_INFINITY
  /** Numbers of accepted connections count downwards, so that they never meet those of dials. */
  #accepted = 0

  constructor(init: PeerDriverInit) {
    const { components, names, timings, book, counters, admission } = init
    this.#init = init
    this.#host = this.#createHost(0n)
    this.#dials = new Dials({
      parts: components,
      book,
      names,
      timings,
      counters,
      refusalOf: peer => {
        const reason = admission.refusalOf(peer)
        return reason === undefined ? undefined : new AdmissionError(peer, reason)
      },
      owns: connection => this.links.has(connection.id),
      opened: (record, attempt, connection) => this.#dialled(record, attempt, connection),
      failed: (record, attempt, error) => {
        const failure = { error, refused: error instanceof AdmissionError, duplicate: false }
        this.input(record, { type: 'dialFailed', attempt, failure })
      },
      settled: () => this.#checkQuiet()
    })
  }

  /** Begins a new incarnation. */
  start(): void {
    const { clock, random } = this.#init.components
    const started = BigInt(Math.max(0, Math.floor(clock.wallMs())))
    const bits = BigInt(random.below(2 ** INCARNATION_RANDOM_BITS))
    this.#host = this.#createHost((started << BigInt(INCARNATION_RANDOM_BITS)) | bits)
    this.#phase = 'running'
  }

  /** Goodbye everywhere; what is left at the deadline is cut. */
  async stop(timeoutMs: number): Promise<void> {
    this.#phase = 'stopping'
    const quiet = new Promise<void>(resolve => {
      this.#quiet = resolve
    })
    const limit = limited(this.#init.components.timers, timeoutMs)
    const late = new Promise<void>(resolve => {
      limit.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    for (const record of this.records.values()) {
      this.input(record, { type: 'stop' })
      for (const intent of [...record.intents]) intent.end({ type: 'stopped' })
    }
    this.#checkQuiet()
    await Promise.race([quiet, late])
    limit.dispose()
    for (const link of [...this.links.values()]) link.abort('stopped')
    for (const record of this.records.values()) record.clearTimers()
    this.records.clear()
    this.links.clear()
    this.#phase = 'stopped'
    this.#quiet = undefined
  }

  /** The record of a peer, made when there is room for another. */
  recordOf(peer: string): PeerRecord | undefined {
    return this.records.of(peer, this.#attempts)
  }

  /** Feeds a machine and carries its effects out, one input at a time even when a listener causes the next. */
  input(record: PeerRecord, input: PeerInput): void {
    if (this.#phase === 'stopped') return
    record.inbox.push(input)
    if (record.handling) return
    record.handling = true
    for (let next = record.inbox.shift(); next !== undefined; next = record.inbox.shift()) {
      const { state, effects } = stepPeer(record.state, next, {
        selfGreater: this.#init.self > record.peer,
        nowMs: this.#init.components.clock.monotonicMs(),
        random: () => this.#init.components.random.float()
      })
      record.state = state
      this.#attempts = Math.max(this.#attempts, state.attempts)
      for (const effect of effects) this.#carryOut(record, effect)
    }
    record.handling = false
    this.records.forget(record)
  }

  #carryOut(record: PeerRecord, effect: PeerEffect): void {
    switch (effect.type) {
      case 'dial':
        return void this.#dials.run(record, effect.attempt)
      case 'cancelDial':
        return record.dialAbort?.abort(new Error('the peer manager stops'))
      case 'handshake':
        return record.links.get(effect.attempt)?.start()
      case 'decide':
        return record.links.get(effect.attempt)?.decide(effect.accept)
      case 'up':
        return this.#up(record, effect.attempt)
      case 'down':
        return this.#down(record, effect.reason)
      case 'drain':
        if (effect.code === 'duplicate') this.#init.counters.add('duplicatesClosed')
        return record.links.get(effect.attempt)?.drain(effect.code)
      case 'close':
        if (effect.code === 'duplicate') this.#init.counters.add('duplicatesClosed')
        return record.links.get(effect.attempt)?.close(effect.code)
      case 'cut': {
        const error = record.state.lastFailure?.error ?? new AdmissionError(record.peer, 'revoked')
        return record.links.get(effect.attempt)?.cut(error)
      }
      case 'probe':
        return record.links.get(effect.attempt)?.session?.heartbeat.probe()
      case 'schedule':
        return this.#schedule(record, effect)
      case 'unschedule':
        return record.clearTimer(effect.timer, effect.number)
      case 'failed':
        return this.#init.announcer.failed(record, effect.failure.error)
    }
  }

  #dialled(record: PeerRecord, attempt: number, connection: Connection): void {
    if (this.records.get(record.peer) !== record) {
      // The manager was stopped meanwhile, perhaps started again: the connection belongs to nobody.
      connection.abort(new Error('the peer manager was stopped'))
      return
    }
    const link = this.#addLink(record, connection, attempt, true)
    this.input(record, { type: 'dialled', attempt })
    if (!isOpen(connection)) link.lost('lost')
  }

  #addLink(record: PeerRecord, connection: Connection, attempt: number, initiator: boolean): Link {
    const link = new Link(this.#host, connection, record.peer, attempt, initiator)
    record.links.set(attempt, link)
    this.links.set(connection.id, link)
    return link
  }

  /** A connection turned up that no dial has returned. */
  connectionOpened(connection: Connection): void {
    if (this.links.has(connection.id) || !isOpen(connection)) return
    const peer = connection.remotePeer.toString()
    if (connection.direction === 'outbound') {
      return this.#dials.closeLate(this.records.get(peer), connection)
    }
    const record = this.#phase === 'running' && this.#pendingInbound() ? this.recordOf(peer) : undefined
    if (record === undefined) {
      this.#init.counters.add('inboundRefused')
      return void connection
        .close()
        .catch(() => connection.abort(new Error('no room for another connection')))
    }
    const attempt = --this.#accepted
    this.#addLink(record, connection, attempt, false)
    this.input(record, { type: 'accepted', attempt })
  }

  #pendingInbound(): boolean {
    let pending = 0
    for (const link of this.links.values()) if (!link.initiator && link.handshaking) pending++
    return pending < PENDING_INBOUND_MAX
  }

  #linkInput(link: Link, input: PeerInput): void {
    const record = this.records.get(link.peer)
    if (input.type === 'closed') {
      this.links.delete(link.connection.id)
      record?.links.delete(link.attempt)
    }
    if (record !== undefined) this.input(record, input)
    if (input.type === 'closed') this.#checkQuiet()
  }

  #up(record: PeerRecord, attempt: number): void {
    const link = record.links.get(attempt)
    if (link === undefined) return
    const session = new PeerSession(this.#init.components.mux, link)
    record.session = session
    this.#init.counters.add('sessionsUp')
    this.#init.announcer.up(record, session)
    // Channels the peer opened early come in only now, when the listeners know the session.
    link.up()
  }

  #down(record: PeerRecord, reason: string): void {
    const { session } = record
    if (session === undefined) return
    record.session = undefined
    session.close()
    this.#init.counters.add(reason === 'replaced' ? 'sessionsReplaced' : 'sessionsDown')
    this.#init.announcer.down(record, session, reason)
  }

  #schedule(record: PeerRecord, effect: PeerEffect & { type: 'schedule' }): void {
    const { timer, number } = effect
    const handle = this.#init.components.timers.schedule(effect.delayMs, () => {
      record.clearTimer(timer, number)
      this.input(record, { type: 'timer', timer, number })
    })
    record.setTimer(timer, number, handle)
  }

  /** Ends whatever there is with a peer that is not admitted any more. */
  revoke(peer: string, error: Error): void {
    const record = this.records.get(peer)
    if (record === undefined) return
    if (record.links.size > 0) this.#init.counters.add('revocations')
    this.input(record, { type: 'revoke', failure: { error, refused: true, duplicate: false } })
  }

  /** Each session finds out by itself that this process did not run; it is one stall, and everybody gets the new grace. */
  #stalled(lateMs: number): void {
    const nowMs = this.#init.components.clock.monotonicMs()
    if (nowMs - this.#stalledAtMs < this.#init.timings.beatIntervalMs) return
    this.#stalledAtMs = nowMs
    this.#init.counters.add('selfStalls')
    for (const link of this.links.values()) link.session?.heartbeat.heard()
    this.#init.announcer.peer({ type: 'self:stalled', lateMs })
  }

  #createHost(incarnation: bigint): LinkHost {
    const { clock, timers, random, hmac } = this.#init.components
    const components = this.#init.components
    return {
      self: this.#init.self,
      admission: this.#init.admission,
      incarnation,
      metadata: this.#init.metadata,
      get mux() {
        return components.mux
      },
      timings: this.#init.timings,
      clock,
      timers,
      random,
      hmac,
      counters: this.#init.counters,
      wanted: peer => (this.records.get(peer)?.intents.size ?? 0) > 0,
      input: (link, input) => this.#linkInput(link, input),
      rejected: (link, error) => this.#init.announcer.rejections.tell({ peer: link.peer, error }),
      sessions: () => this.records.sessionCount,
      health: (link, health) => {
        const record = this.records.get(link.peer)
        if (record === undefined || record.session?.link !== link) return
        this.#init.announcer.health(record, health, link.session?.heartbeat.silentMs ?? 0)
      },
      stalled: lateMs => this.#stalled(lateMs),
      revoke: (link, error) => this.revoke(link.peer, error)
    }
  }

  /** Whether nothing is left to wait for. */
  #checkQuiet(): void {
    if (this.#phase === 'stopping' && this.links.size === 0 && this.#dials.running === 0) this.#quiet?.()
  }
}
