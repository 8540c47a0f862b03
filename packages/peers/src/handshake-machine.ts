import { equalBytes } from '@starling/codec'
import type { Hmac } from '@starling/ports'
import { PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN } from './config.ts'
import {
  AdmissionError,
  ClockSkewError,
  ClusterMismatchError,
  DuplicateConnectionError,
  PeerUnavailableError,
  ProtocolVersionError,
  SessionProtocolError
} from './errors.ts'
import type { Turned } from './admission.ts'
import type { Hello, RefuseCode, SessionMessage } from './messages.ts'
import { matchProof, proofOf, type ProofSubject, type Role } from './proof.ts'

/** What one handshake is made of. The nonce is drawn for it alone. */
export interface HandshakeConfig {
  readonly role: Role
  readonly self: string
  readonly peer: string
  readonly cluster: string
  readonly clusterHash: Uint8Array
  /** The first one proves, any of them is accepted; empty when the cluster has none. */
  readonly secrets: readonly Uint8Array[]
  readonly incarnation: bigint
  readonly nonce: Uint8Array
  /** The dialler's attempt number; 0 for the acceptor. */
  readonly attempt: number
  readonly driftMsMax: number
  readonly versionMin?: number
  readonly versionMax?: number
  readonly hmac: Hmac
}

export type HandshakeInput =
  | { readonly type: 'start' }
  | { readonly type: 'message'; readonly message: SessionMessage }
  /** The answer to `admit`. */
  | { readonly type: 'admitted'; readonly refusal: Turned | undefined }
  /** Acceptor: the answer to `verified`. */
  | { readonly type: 'decided'; readonly accept: boolean }

export type HandshakeOutput =
  | { readonly type: 'send'; readonly message: SessionMessage }
  /** Ask the allow-list and the callback. */
  | { readonly type: 'admit' }
  /** Acceptor: everything holds; the verdict is due. */
  | { readonly type: 'verified'; readonly incarnation: bigint; readonly dialAttempt: number }
  /** Dialler: the acceptor accepted. */
  | { readonly type: 'established'; readonly incarnation: bigint }
  /** The end. A `send` of a refusal precedes it when the other side does not know yet. */
  | { readonly type: 'failed'; readonly error: Error; readonly refused: boolean; readonly duplicate: boolean }

/** What a finished handshake has found out. */
export interface HandshakeResult {
  readonly subject: ProofSubject
  /** The secret that the peer proved; undefined in a cluster without one. */
  readonly secret: Uint8Array | undefined
  /** The peer's process. */
  readonly incarnation: bigint
}

/** A refusal: what it says besides its code is the same for every code, so that it cannot say too much. */
export function refusalOf(
  code: RefuseCode,
  wallMs: number,
  versions: readonly [number, number] = [PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX]
): SessionMessage {
  const [versionMin, versionMax] = versions
  return { type: 'refuse', code, versionMin, versionMax, wallMs: Math.max(0, Math.floor(wallMs)) }
}

type Phase = 'start' | 'hello' | 'admission' | 'proof' | 'verdict' | 'done'

/**
 * One side of the handshake of one connection. Hello and hello reply show nothing that a stranger may not see; then the
 * dialler proves, and the acceptor proves only to a dialler that did, so that a stranger who dials learns no proof at all.
 */
export class HandshakeMachine {
  readonly #config: HandshakeConfig
  #phase: Phase = 'start'
  #subject: ProofSubject | undefined
  #peerHello: Hello | undefined
  #dialAttempt = 0
  /** The secret we prove with; once the peer has proven, the one it knows. */
  #secret: Uint8Array | undefined
  #output: HandshakeOutput[] = []

  constructor(config: HandshakeConfig) {
    this.#config = config
    this.#secret = config.secrets[0]
  }

  /** What was found out, once the session stands. */
  get result(): HandshakeResult | undefined {
    if (this.#subject === undefined || this.#peerHello === undefined) return undefined
    return { subject: this.#subject, secret: this.#secret, incarnation: this.#peerHello.incarnation }
  }

  /** Applies one input at wall time `wallMs`; after `failed`, `established` or a verdict nothing has an effect. */
  handle(input: HandshakeInput, wallMs: number): readonly HandshakeOutput[] {
    this.#output = []
    if (this.#phase !== 'done') this.#apply(input, wallMs)
    return this.#output
  }

  #apply(input: HandshakeInput, wallMs: number): void {
    switch (input.type) {
      case 'start':
        if (this.#phase === 'start') this.#start(wallMs)
        return
      case 'message':
        return this.#onMessage(input.message, wallMs)
      case 'admitted':
        if (this.#phase === 'admission') this.#onAdmitted(input.refusal, wallMs)
        return
      case 'decided':
        if (this.#phase === 'verdict' && this.#config.role === 'acceptor')
          this.#onDecided(input.accept, wallMs)
    }
  }

  #start(wallMs: number): void {
    this.#phase = 'hello'
    if (this.#config.role === 'acceptor') return
    const [versionMin, versionMax] = this.#versions()
    const { attempt } = this.#config
    this.#send({ type: 'hello', versionMin, versionMax, attempt, hello: this.#hello(wallMs) })
  }

  #onMessage(message: SessionMessage, wallMs: number): void {
    if (message.type === 'refuse') return this.#onRefuse(message, wallMs)
    const dialler = this.#config.role === 'dialler'
    if (dialler && this.#phase === 'hello' && message.type === 'helloReply') {
      return this.#onHelloReply(message, wallMs)
    }
    if (dialler && this.#phase === 'verdict' && message.type === 'accept')
      return this.#onAccept(message.proof, wallMs)
    if (!dialler && this.#phase === 'hello' && message.type === 'hello') return this.#onHello(message, wallMs)
    if (!dialler && this.#phase === 'proof' && message.type === 'proof')
      return this.#onProof(message.proof, wallMs)
    const error = new SessionProtocolError(this.#config.peer, `'${message.type}' does not belong here`)
    this.#refuse('malformed', error, wallMs)
  }

  #onHello(message: SessionMessage & { type: 'hello' }, wallMs: number): void {
    const [versionMin, versionMax] = this.#versions()
    const version = Math.min(versionMax, message.versionMax)
    if (version < Math.max(versionMin, message.versionMin)) {
      const error = new ProtocolVersionError(this.#config.peer, message.versionMin, message.versionMax)
      return this.#refuse('version', error, wallMs)
    }
    if (!this.#checkHello(message.hello, wallMs)) return
    this.#dialAttempt = message.attempt
    const { peer, self, nonce } = this.#config
    this.#subject = this.#subjectOf(version, peer, self, message.hello.nonce, nonce)
    this.#phase = 'proof'
    this.#send({ type: 'helloReply', version, hello: this.#hello(wallMs) })
  }

  #onHelloReply(message: SessionMessage & { type: 'helloReply' }, wallMs: number): void {
    const [versionMin, versionMax] = this.#versions()
    if (message.version < versionMin || message.version > versionMax) {
      const error = new ProtocolVersionError(this.#config.peer, message.version, message.version)
      return this.#refuse('version', error, wallMs)
    }
    if (!this.#checkHello(message.hello, wallMs)) return
    const { peer, self, nonce } = this.#config
    this.#subject = this.#subjectOf(message.version, self, peer, nonce, message.hello.nonce)
    this.#phase = 'admission'
    this.#output.push({ type: 'admit' })
  }

  /** The rules for both hellos: same cluster, clocks together, and a proof possible where one is needed. */
  #checkHello(hello: Hello, wallMs: number): boolean {
    const { peer, secrets, driftMsMax } = this.#config
    if (!equalBytes(hello.clusterHash, this.#config.clusterHash)) {
      this.#refuse('cluster', new ClusterMismatchError(peer), wallMs)
      return false
    }
    const aheadMs = Math.round(hello.wallMs - wallMs)
    if (Math.abs(aheadMs) > driftMsMax) {
      this.#refuse('clockSkew', new ClockSkewError(peer, aheadMs, driftMsMax), wallMs)
      return false
    }
    if (hello.proofNeeded !== secrets.length > 0) {
      this.#refuse('admission', new AdmissionError(peer, 'noSecret'), wallMs)
      return false
    }
    this.#peerHello = hello
    return true
  }

  #onProof(proof: Uint8Array, wallMs: number): void {
    const { secrets, hmac, peer } = this.#config
    if (secrets.length > 0) {
      this.#secret = matchProof(hmac, secrets, 'dialler', this.#subject as ProofSubject, proof)
      if (this.#secret === undefined) {
        return this.#refuse('admission', new AdmissionError(peer, 'proof'), wallMs)
      }
    }
    this.#phase = 'admission'
    this.#output.push({ type: 'admit' })
  }

  #onAdmitted(refusal: Turned | undefined, wallMs: number): void {
    if (refusal === 'busy') {
      return this.#refuse('unavailable', new PeerUnavailableError(this.#config.peer, 'we are busy'), wallMs)
    }
    if (refusal !== undefined) {
      return this.#refuse('admission', new AdmissionError(this.#config.peer, refusal), wallMs)
    }
    this.#phase = 'verdict'
    if (this.#config.role === 'dialler') return this.#send({ type: 'proof', proof: this.#prove() })
    const incarnation = (this.#peerHello as Hello).incarnation
    this.#output.push({ type: 'verified', incarnation, dialAttempt: this.#dialAttempt })
  }

  #onDecided(accept: boolean, wallMs: number): void {
    if (!accept) return this.#refuse('duplicate', new DuplicateConnectionError(this.#config.peer), wallMs)
    this.#phase = 'done'
    this.#send({ type: 'accept', proof: this.#prove() })
  }

  #onAccept(proof: Uint8Array, wallMs: number): void {
    const { secrets, hmac, peer } = this.#config
    const subject = this.#subject as ProofSubject
    if (secrets.length > 0) {
      this.#secret = matchProof(hmac, secrets, 'acceptor', subject, proof)
      if (this.#secret === undefined)
        return this.#refuse('admission', new AdmissionError(peer, 'proof'), wallMs)
    }
    this.#phase = 'done'
    this.#output.push({ type: 'established', incarnation: (this.#peerHello as Hello).incarnation })
  }

  #onRefuse(message: SessionMessage & { type: 'refuse' }, wallMs: number): void {
    const { peer, driftMsMax } = this.#config
    switch (message.code) {
      case 'version':
        return this.#fail(new ProtocolVersionError(peer, message.versionMin, message.versionMax), true)
      case 'cluster':
        return this.#fail(new ClusterMismatchError(peer), true)
      case 'clockSkew':
        return this.#fail(new ClockSkewError(peer, Math.round(message.wallMs - wallMs), driftMsMax), true)
      case 'admission':
        return this.#fail(new AdmissionError(peer, 'refused'), true)
      case 'duplicate':
        return this.#fail(new DuplicateConnectionError(peer), false)
      case 'malformed':
        return this.#fail(new SessionProtocolError(peer, 'it calls our message malformed'), false)
      case 'unavailable':
        return this.#fail(new PeerUnavailableError(peer, 'it is busy or closing'), false)
    }
  }

  #refuse(code: RefuseCode, error: Error, wallMs: number): void {
    this.#send(refusalOf(code, wallMs, this.#versions()))
    this.#fail(error, code !== 'duplicate' && code !== 'malformed' && code !== 'unavailable')
  }

  #fail(error: Error, refused: boolean): void {
    this.#phase = 'done'
    const duplicate = error instanceof DuplicateConnectionError
    this.#output.push({ type: 'failed', error, refused, duplicate })
  }

  #send(message: SessionMessage): void {
    this.#output.push({ type: 'send', message })
  }

  #prove(): Uint8Array {
    if (this.#secret === undefined) return new Uint8Array(0)
    return proofOf(this.#config.hmac, this.#secret, this.#config.role, this.#subject as ProofSubject)
  }

  #hello(wallMs: number): Hello {
    const { clusterHash, incarnation, nonce, secrets } = this.#config
    return {
      clusterHash,
      incarnation,
      nonce,
      wallMs: Math.max(0, Math.floor(wallMs)),
      proofNeeded: secrets.length > 0
    }
  }

  #subjectOf(
    version: number,
    dialler: string,
    acceptor: string,
    diallerNonce: Uint8Array,
    acceptorNonce: Uint8Array
  ): ProofSubject {
    return { version, dialler, acceptor, diallerNonce, acceptorNonce, cluster: this.#config.cluster }
  }

  #versions(): [number, number] {
    const { versionMin = PROTOCOL_VERSION_MIN, versionMax = PROTOCOL_VERSION_MAX } = this.#config
    return [versionMin, versionMax]
  }
}
