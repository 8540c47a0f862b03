import { encodeUtf8, equalBytes } from '@starling/codec'
import type { Hash } from '@starling/ports'
import { CLUSTER_NAME_BYTES_MAX, REVOKED_MAX, SECRET_BYTES_MIN, SECRETS_MAX } from './config.ts'
import type { AdmissionReason } from './errors.ts'
import { clusterHash } from './proof.ts'
import type { AcceptRequest, ClusterInit, PeersInit } from './types.ts'

/** Why a peer is not let in; `busy` is about the moment and not about the peer. */
export type Turned = AdmissionReason | 'busy'

/** The cluster's rules, which the operator may change while sessions stand. */
export class Admission {
  readonly name: string
  readonly hash: Uint8Array
  readonly #admit: ClusterInit['admit']
  readonly #accept: PeersInit['accept']
  readonly #revoked = new Set<string>()
  #secrets: readonly Uint8Array[]
  #allow: ReadonlySet<string> | undefined

  /**
   * @throws TypeError for a missing name, or when there is no rule and `open` is not true
   * @throws RangeError for a name of more than 255 bytes, a secret under 16 bytes, or more than 8 secrets
   */
  constructor(init: ClusterInit, accept: PeersInit['accept'], hash: Hash) {
    if (typeof init?.name !== 'string' || init.name === '') {
      throw new TypeError('cluster.name must be a non-empty text; all nodes of a cluster use the same one')
    }
    if (encodeUtf8(init.name).length > CLUSTER_NAME_BYTES_MAX) {
      throw new RangeError(`cluster.name has more than ${CLUSTER_NAME_BYTES_MAX} bytes; shorten it`)
    }
    this.#secrets = readSecrets(init.secrets ?? [])
    this.#allow = init.allow === undefined ? undefined : new Set(init.allow)
    this.#admit = init.admit
    this.#accept = accept
    const ruled = this.#secrets.length > 0 || this.#allow !== undefined || init.admit !== undefined
    if (!ruled && init.open !== true) {
      throw new TypeError(
        'cluster has no admission rule: give it secrets, an allow-list or an admit callback, or set open: true to let everybody in'
      )
    }
    this.name = init.name
    this.hash = clusterHash(hash, init.name)
  }

  /** The first one proves, any of them is accepted; empty when the cluster has none. */
  get secrets(): readonly Uint8Array[] {
    return this.#secrets
  }

  /** Whether the `admit` callback has a say. */
  get asks(): boolean {
    return this.#admit !== undefined
  }

  /** @throws TypeError for an empty list, RangeError as the constructor */
  setSecrets(secrets: readonly (string | Uint8Array)[]): void {
    if (secrets.length === 0) {
      throw new TypeError(
        'a cluster cannot give up its last secret while it runs; start the nodes without one'
      )
    }
    this.#secrets = readSecrets(secrets)
  }

  /** Whether a session that was proven with this secret still stands. */
  holds(secret: Uint8Array | undefined): boolean {
    if (secret === undefined) return this.#secrets.length === 0
    return this.#secrets.some(each => equalBytes(each, secret))
  }

  setAllowed(peers: Iterable<string> | undefined): void {
    this.#allow = peers === undefined ? undefined : new Set(peers)
  }

  /** @throws RangeError when too many are revoked */
  revoke(peer: string): void {
    if (this.#revoked.size >= REVOKED_MAX && !this.#revoked.has(peer)) {
      throw new RangeError(`${REVOKED_MAX} peers are revoked already; use an allow-list`)
    }
    this.#revoked.add(peer)
  }

  /** Returns whether it was revoked. */
  restore(peer: string): boolean {
    return this.#revoked.delete(peer)
  }

  /** What the rules that need no asking say. */
  refusalOf(peer: string): AdmissionReason | undefined {
    if (this.#revoked.has(peer)) return 'revoked'
    return this.#allow === undefined || this.#allow.has(peer) ? undefined : 'notAllowed'
  }

  /** Asks all rules about a peer, and about its connection when it is inbound. Never rejects. */
  async admit(peer: string, inbound?: Omit<AcceptRequest, 'peer'>): Promise<Turned | undefined> {
    const before = this.refusalOf(peer) ?? (await this.ask(peer))
    if (before !== undefined || inbound === undefined) return before ?? this.refusalOf(peer)
    const verdict = await this.#askAccept({ peer, ...inbound })
    // The operator may have changed the rules while the callbacks thought.
    return this.refusalOf(peer) ?? verdict
  }

  /** Asks the callback alone. Never rejects. */
  async ask(peer: string): Promise<AdmissionReason | undefined> {
    try {
      const admitted = this.#admit === undefined || (await this.#admit(peer))
      return admitted ? undefined : 'callback'
    } catch {
      return 'callback'
    }
  }

  async #askAccept(request: AcceptRequest): Promise<Turned | undefined> {
    if (this.#accept === undefined) return undefined
    try {
      const verdict = await this.#accept(request)
      if (verdict === 'accept') return undefined
      return verdict === 'busy' ? 'busy' : 'notAccepted'
    } catch {
      return 'notAccepted'
    }
  }
}

function readSecrets(list: readonly (string | Uint8Array)[]): readonly Uint8Array[] {
  if (list.length > SECRETS_MAX) {
    throw new RangeError(`cluster.secrets holds more than ${SECRETS_MAX} secrets; drop the oldest`)
  }
  return list.map(secret => {
    const bytes = typeof secret === 'string' ? encodeUtf8(secret) : Uint8Array.from(secret)
    if (bytes.length < SECRET_BYTES_MIN) {
      throw new RangeError(
        `a cluster secret has ${bytes.length} bytes; use at least ${SECRET_BYTES_MIN}, for example 32 random ones`
      )
    }
    return bytes
  })
}
