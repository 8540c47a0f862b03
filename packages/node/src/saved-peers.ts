import type { BroadcastSeen, Contact, Gossip, GossipStats, JoinOptions, Topic } from '@starling/gossip'
import type { TimerHandle, Timers } from '@starling/ports'
import { SAVE_INTERVAL_MS } from './config.ts'
import { SavedPeersError } from './errors.ts'
import { encodePeers, readPeersFile, writePeersFile } from './peers-file.ts'

/** What saved peers stand on. */
export interface SavedPeersParts {
  readonly file: string
  readonly gossip: Gossip
  readonly timers: Timers
  /** Told of a file that cannot be read or written. The node goes on without it. */
  readonly onWarning: (warning: SavedPeersError) => void
}

/**
 * Keeps the peers that swarms would try again in a file, and gives them to every swarm of the next start: a node whose own
 * contacts are all gone, or that has none, finds its cluster again although its address has changed.
 */
export class SavedPeers implements Gossip {
  readonly #parts: SavedPeersParts
  readonly #topics = new Set<Topic>()
  #peers: readonly Contact[]
  /** What the file holds, as far as this process knows. */
  #written: string
  #timer: TimerHandle | undefined
  #writing: Promise<void> = Promise.resolve()
  #stopped = false

  private constructor(parts: SavedPeersParts, peers: readonly Contact[]) {
    this.#parts = parts
    this.#peers = peers
    this.#written = encodePeers(peers)
    this.#schedule()
  }

  /** Reads the file. One that is damaged is reported, and replaced at the next write. */
  static async open(parts: SavedPeersParts): Promise<SavedPeers> {
    const peers = await readPeersFile(parts.file).catch((cause: unknown) => {
      parts.onWarning(new SavedPeersError(parts.file, 'read', { cause }))
      return []
    })
    return new SavedPeers(parts, peers)
  }

  join(name: string, options: JoinOptions): Topic {
    const topic = this.#parts.gossip.join(name, { ...options, saved: this.#peers })
    this.#topics.add(topic)
    return {
      name,
      broadcast: payload => topic.broadcast(payload),
      onMessage: listener => topic.onMessage(listener),
      neighbors: () => topic.neighbors(),
      links: () => topic.links(),
      onNeighbor: listener => topic.onNeighbor(listener),
      addContacts: contacts => topic.addContacts(contacts),
      savedPeers: () => topic.savedPeers(),
      stats: () => topic.stats(),
      leave: async () => {
        this.#remember()
        this.#topics.delete(topic)
        await topic.leave()
      }
    }
  }

  topics(): readonly Topic[] {
    return this.#parts.gossip.topics()
  }

  onBroadcast(listener: (seen: BroadcastSeen) => void): () => void {
    return this.#parts.gossip.onBroadcast(listener)
  }

  stats(): GossipStats {
    return this.#parts.gossip.stats()
  }

  /** Ends the swarms. What is known of them by then has been saved by `close`. */
  stop(): Promise<void> {
    return this.#parts.gossip.stop()
  }

  /** The peers a swarm that is joined now begins with. */
  peers(): readonly Contact[] {
    return this.#peers
  }

  /** Writes what has changed, for the last time. Never rejects. */
  async close(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#save()
    await this.settled()
  }

  /** Resolves when what was to be written is. */
  settled(): Promise<void> {
    return this.#writing
  }

  #schedule(): void {
    this.#timer = this.#parts.timers.schedule(SAVE_INTERVAL_MS, () => {
      if (this.#stopped) return
      this.#save()
      this.#schedule()
    })
  }

  /** Without any swarm nothing new is known, and what was known stays. */
  #remember(): void {
    if (this.#topics.size > 0) this.#peers = merged([...this.#topics].map(topic => topic.savedPeers()))
  }

  /** One write after the other: a disk that is slow gets the newest state once it is ready for it. */
  #save(): void {
    this.#remember()
    this.#writing = this.#writing.then(() => this.#write())
  }

  async #write(): Promise<void> {
    const text = encodePeers(this.#peers)
    if (text === this.#written) return
    try {
      await writePeersFile(this.#parts.file, text)
      this.#written = text
    } catch (cause) {
      this.#parts.onWarning(new SavedPeersError(this.#parts.file, 'written', { cause }))
    }
  }
}

/** Every peer once; of each list, which has the best first, in turn. */
function merged(lists: readonly (readonly Contact[])[]): Contact[] {
  const peers = new Map<string, Set<string>>()
  const longest = Math.max(...lists.map(({ length }) => length))
  for (let index = 0; index < longest; index++) {
    for (const list of lists) {
      const contact = list[index]
      if (contact === undefined) continue
      const addresses = peers.get(contact.peer) ?? new Set()
      for (const address of contact.addresses) addresses.add(address)
      peers.set(contact.peer, addresses)
    }
  }
  return [...peers].map(([peer, addresses]) => ({ peer, addresses: [...addresses] }))
}
