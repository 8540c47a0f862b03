import type { Core, Link } from './core.ts'
import type { Announcement, MessageId, PeerKey } from './types.ts'

/**
 * Lazy push (Plumtree §3.4): ids of new messages go to the lazy peers in batches.
 *
 * Deviation: not every lazy peer hears of every message at once. Per message one peer's whole queue is sent, the queue
 * with the oldest id first; the others wait for their turn. Measured at 1,000 nodes: 0.9 control messages for each
 * delivery instead of 3, at the same latency. After a loss nearby everybody is told at once.
 */
export class Announcer {
  readonly #core: Core
  /** Queues to send when the timer fires: nearly one for each message since it fired last. */
  #due = 1
  #turn = 0
  #nextMs = Number.POSITIVE_INFINITY
  /** When the timer runs out that looks after what waits without a turn. One that is early is set again, not overtaken. */
  #restMs = Number.POSITIVE_INFINITY
  #restTurn = 0
  /** When there was something new to announce. */
  #latestMs = 0

  constructor(core: Core) {
    this.#core = core
  }

  /** Queues an id for every lazy peer that is not known to hold it. */
  announce(id: MessageId, holders: ReadonlySet<PeerKey>): void {
    const { config, links, nowMs, alarmed } = this.#core
    this.#latestMs = nowMs
    let queued = false
    for (const link of links.values()) {
      if (link.eager || holders.has(link.peer)) continue
      this.enqueue(link, id)
      // Deviation: a link that never carried an announcement is told at once, because the receiver may have no other.
      if (link.fresh) this.flush(link)
      else queued = true
    }
    if (!queued) return this.rest()
    this.#due += config.announcePeers
    this.#wakeAt(nowMs + (alarmed ? config.alarmDelayMs : config.announceDelayMs))
  }

  enqueue(link: Link, id: MessageId): void {
    const { config, counts, nowMs } = this.#core
    link.queue.set(id, nowMs)
    if (link.queue.size <= config.announceQueueMax) return
    link.queue.delete(link.queue.keys().next().value as MessageId)
    counts.announcementsDropped++
  }

  onTimer(timerTurn: number): void {
    if (timerTurn !== this.#turn) return
    this.#nextMs = Number.POSITIVE_INFINITY
    const { alarmed } = this.#core
    const waiting = [...this.#core.links.values()].filter(link => link.queue.size > 0)
    waiting.sort((a, b) => headMs(a.queue) - headMs(b.queue))
    for (const link of waiting) {
      if (!alarmed && this.#due < 1) break
      this.#due--
      this.flush(link)
    }
    this.#due = Math.max(0, Math.min(this.#due, 1))
    this.rest()
  }

  onRest(restTurn: number): void {
    if (restTurn !== this.#restTurn) return
    this.#restMs = Number.POSITIVE_INFINITY
    for (const link of this.#core.links.values()) if (this.#dueMs(link) <= this.#core.nowMs) this.flush(link)
    this.rest()
  }

  /** Makes sure that what still waits is announced at the latest after the longest wait, or when it has become quiet. */
  rest(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const link of this.#core.links.values()) dueMs = Math.min(dueMs, this.#dueMs(link))
    if (dueMs >= this.#restMs) return
    this.#restMs = dueMs
    this.#restTurn++
    this.#core.schedule({ type: 'rest', turn: this.#restTurn }, Math.max(0, dueMs - this.#core.nowMs))
  }

  /** Sends everything that waits for this peer, repeats included. */
  flush(link: Link): void {
    const { config, nowMs, alarmed } = this.#core
    const queued = [...link.queue.keys()]
    let batch: Announcement[] = []
    for (const id of [...link.repeats.keys(), ...queued]) {
      const entry = this.#core.cache.get(id)
      if (entry === undefined) continue // Evicted: it could not be supplied.
      batch.push({ id, heldMs: Math.max(0, Math.round(nowMs - entry.receivedMs)) })
      if (batch.length < config.announcementsMax) continue
      this.#core.send(link.peer, { type: 'ihave', announcements: batch })
      batch = []
    }
    if (batch.length > 0) this.#core.send(link.peer, { type: 'ihave', announcements: batch })
    link.queue.clear()
    link.repeats.clear()
    link.fresh = false
    // Without a sign of loss a second copy is only bytes.
    if (config.announceCopies > 1 && alarmed) for (const id of queued) link.repeats.set(id, nowMs)
  }

  clear(): void {
    this.#turn++
    this.#restTurn++
    this.#restMs = Number.POSITIVE_INFINITY
    this.#due = 1
    this.#nextMs = Number.POSITIVE_INFINITY
  }

  /** When this peer's announcements have waited long enough. Repeats wait twice as long: mostly they find a companion. */
  #dueMs(link: Link): number {
    const { announceWaitMs, announceQuietMs } = this.#core.config
    const quietMs = link.queue.size > 0 ? this.#latestMs + announceQuietMs : Number.POSITIVE_INFINITY
    return Math.min(quietMs, headMs(link.queue) + announceWaitMs, headMs(link.repeats) + 2 * announceWaitMs)
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#nextMs) return
    this.#nextMs = atMs
    this.#turn++
    this.#core.schedule({ type: 'announce', turn: this.#turn }, Math.max(0, atMs - this.#core.nowMs))
  }
}

function headMs(queue: ReadonlyMap<MessageId, number>): number {
  const head = queue.values().next()
  return head.done ? Number.POSITIVE_INFINITY : head.value
}
