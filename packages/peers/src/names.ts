import type { Clock, Timers } from '@starling/ports'
import {
  DNSADDR_DEPTH_MAX,
  NAME_FRESH_MS,
  NAME_LOOKUPS_MAX,
  NAME_STALE_MS,
  NAME_TIMEOUT_MS,
  NAMES_CACHE_MAX,
  TARGETS_MAX
} from './config.ts'
import type { Counters } from './counters.ts'
import { limited, raced } from './deadline.ts'

/** Asks for names. Rejects, or answers with an empty list, when there is no answer. */
export interface NameLookup {
  /** The IPv4 or IPv6 addresses of a host name, as text. */
  addresses(
    name: string,
    family: 4 | 6,
    options: { readonly signal: AbortSignal }
  ): Promise<readonly string[]>
  /** The TXT records of a name, each as one text. */
  texts(name: string, options: { readonly signal: AbortSignal }): Promise<readonly string[]>
}

interface CacheEntry {
  readonly answers: readonly string[]
  readonly atMs: number
}

export interface NamesHost {
  /** Without one no name can be resolved. */
  readonly lookup: NameLookup | undefined
  readonly clock: Clock
  readonly timers: Timers
  readonly counters: Counters
}

/**
 * Turns addresses with names into those that can be dialled. Every dial asks again; only questions within a second share an
 * answer. When no answer comes, the last one is used for an hour, so that a failing name server does not stop redials.
 */
export class Names {
  readonly #host: NamesHost
  /** The last answers, by question; insertion order is order of use. */
  readonly #cache = new Map<string, CacheEntry>()
  readonly #asking = new Map<string, Promise<readonly string[]>>()
  #life = new AbortController()

  constructor(host: NamesHost) {
    this.#host = host
  }

  /** Gives up all questions under way. Later ones are asked as before. */
  stop(): void {
    this.#life.abort(new Error('nobody needs the answer any more'))
    this.#life = new AbortController()
  }

  /** Questions whose answers are remembered. */
  get size(): number {
    return this.#cache.size
  }

  /** The addresses to dial for one text address: itself when it has no name. At most 16; never rejects. */
  async resolve(address: string, signal: AbortSignal): Promise<readonly string[]> {
    const found = await this.#resolve(address, signal, 0)
    return [...new Set(found)].slice(0, TARGETS_MAX)
  }

  async #resolve(address: string, signal: AbortSignal, depth: number): Promise<readonly string[]> {
    const [empty, protocol, name = '', ...tail] = address.split('/')
    if (empty !== '' || name === '' || protocol === undefined || !NAMED.has(protocol)) return [address]
    // TLS and HTTP name the host once more, so those addresses are the transport's to resolve.
    if (tail.some(part => NAMED_ABOVE.has(part))) return [address]
    const rest = tail.map(part => `/${part}`).join('')
    const ip = async (family: 4 | 6): Promise<readonly string[]> => {
      const ips = await this.#answers(`ip${family} ${name}`, signal, (lookup, options) =>
        lookup.addresses(name, family, options)
      )
      return ips.map(each => `/ip${family}/${each}${rest}`)
    }
    switch (protocol) {
      case 'dns4':
        return await ip(4)
      case 'dns6':
        return await ip(6)
      case 'dns':
        return (await Promise.all([ip(4), ip(6)])).flat()
      default:
        return depth < DNSADDR_DEPTH_MAX ? await this.#dnsaddr(name, rest, signal, depth) : []
    }
  }

  /** `/dnsaddr/NAME/…`: TXT records `dnsaddr=ADDRESS` of `_dnsaddr.NAME`, of which those count that end as the address does. */
  async #dnsaddr(name: string, rest: string, signal: AbortSignal, depth: number): Promise<readonly string[]> {
    const texts = await this.#answers(`txt ${name}`, signal, (lookup, options) =>
      lookup.texts(`_dnsaddr.${name}`, options)
    )
    const targets = texts
      .filter(text => text.startsWith(DNSADDR) && text.endsWith(rest))
      .map(text => text.slice(DNSADDR.length))
      .slice(0, TARGETS_MAX)
    return (await Promise.all(targets.map(target => this.#resolve(target, signal, depth + 1)))).flat()
  }

  async #answers(question: string, signal: AbortSignal, ask: Ask): Promise<readonly string[]> {
    const { clock, counters } = this.#host
    const known = this.#cache.get(question)
    if (known !== undefined && clock.monotonicMs() - known.atMs < NAME_FRESH_MS) {
      counters.add('namesCached')
      return known.answers
    }
    try {
      return await raced(this.#shared(question, ask), signal)
    } catch {
      counters.add('namesFailed')
      const usable = known !== undefined && clock.monotonicMs() - known.atMs < NAME_STALE_MS
      return usable ? known.answers : []
    }
  }

  /** One question at a time under each name, whoever asks; given up by its own deadline and not by one asker's. */
  #shared(question: string, ask: Ask): Promise<readonly string[]> {
    const asking = this.#asking.get(question)
    if (asking !== undefined) return asking
    const { lookup, timers, counters } = this.#host
    if (lookup === undefined) return Promise.reject(new Error('no resolver was given'))
    if (this.#asking.size >= NAME_LOOKUPS_MAX)
      return Promise.reject(new Error('too many lookups are running'))
    counters.add('namesAsked')
    const limit = limited(timers, NAME_TIMEOUT_MS, this.#life.signal)
    const answer = (async () => {
      try {
        const answers = await raced(ask(lookup, { signal: limit.signal }), limit.signal)
        if (answers.length === 0) throw new Error('the name has no address')
        const kept = answers.slice(0, TARGETS_MAX)
        this.#remember(question, kept)
        return kept
      } finally {
        limit.dispose()
        this.#asking.delete(question)
      }
    })()
    this.#asking.set(question, answer)
    return answer
  }

  #remember(question: string, answers: readonly string[]): void {
    this.#cache.delete(question)
    this.#cache.set(question, { answers, atMs: this.#host.clock.monotonicMs() })
    if (this.#cache.size <= NAMES_CACHE_MAX) return
    const oldest = this.#cache.keys().next()
    if (oldest.done !== true) this.#cache.delete(oldest.value)
  }
}

type Ask = (lookup: NameLookup, options: { readonly signal: AbortSignal }) => Promise<readonly string[]>

const NAMED: ReadonlySet<string> = new Set(['dns', 'dns4', 'dns6', 'dnsaddr'])
const NAMED_ABOVE: ReadonlySet<string> = new Set(['tls', 'ws', 'wss', 'http', 'https'])
const DNSADDR = 'dnsaddr='
