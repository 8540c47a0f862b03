import type { TimerHandle } from '@starling/ports'
import { NONCE_BYTES, REVOKE_MS } from './config.ts'
import type { LinkHost } from './link-host.ts'
import type { SessionMessage } from './messages.ts'
import { matchProof, proofOf, type ProofSubject, type Role } from './proof.ts'

export interface RenewalInit {
  readonly role: Role
  /** What the handshake's proofs spoke about. */
  readonly subject: ProofSubject
  /** The secret that admitted the session; undefined in a cluster without one. */
  readonly secret: Uint8Array | undefined
  send(message: SessionMessage): void
  /** The peer has not proven that it knows a secret that counts. */
  failed(): void
}

/** Lets both ends of a standing session prove themselves again, when the secret that admitted it is taken away. */
export class Renewal {
  readonly #host: LinkHost
  readonly #init: RenewalInit
  #secret: Uint8Array | undefined
  #nonce: Uint8Array | undefined
  #deadline: TimerHandle | undefined

  constructor(host: LinkHost, init: RenewalInit) {
    this.#host = host
    this.#init = init
    this.#secret = init.secret
  }

  /** Asks the peer for a new proof if the secret that admitted it does not count any more. */
  check(): void {
    const { admission, random } = this.#host
    if (this.#nonce !== undefined || admission.holds(this.#secret)) return
    this.#nonce = random.bytes(NONCE_BYTES)
    this.#init.send({ type: 'challenge', nonce: this.#nonce })
    this.#await(true)
  }

  #await(patient: boolean): void {
    const { clock, timers, timings } = this.#host
    const dueMs = clock.monotonicMs() + REVOKE_MS
    this.#deadline = timers.schedule(REVOKE_MS, () => {
      // A timer this late means that we have not read, not that no answer came.
      if (patient && clock.monotonicMs() - dueMs > timings.beatIntervalMs) return this.#await(false)
      this.#init.failed()
    })
  }

  /** The peer asks for ours. */
  onChallenge(nonce: Uint8Array): void {
    const { admission, hmac } = this.#host
    const [secret] = admission.secrets
    const { role, subject } = this.#init
    const proof = secret === undefined ? new Uint8Array(0) : proofOf(hmac, secret, role, subject, nonce)
    this.#init.send({ type: 'renewal', proof })
  }

  /** The peer's proof. Returns false when none was asked for. */
  onRenewal(proof: Uint8Array): boolean {
    const nonce = this.#nonce
    if (nonce === undefined) return false
    this.stop()
    const { admission, hmac } = this.#host
    const { role, subject } = this.#init
    const theirs: Role = role === 'dialler' ? 'acceptor' : 'dialler'
    const secret = matchProof(hmac, admission.secrets, theirs, subject, proof, nonce)
    if (secret === undefined) this.#init.failed()
    else this.#secret = secret
    return true
  }

  stop(): void {
    this.#nonce = undefined
    this.#deadline?.cancel()
  }
}
