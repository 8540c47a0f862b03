import type { Logger, Stream } from '@libp2p/interface'
import { AbstractStream } from '@libp2p/utils'
import type { SendResult } from '@libp2p/utils'

/** How a pair behaves: `quic` hides resets and takes one write at a time, `tcp` shows resets and takes writes at once. */
export interface PairOptions {
  readonly manner: 'quic' | 'tcp'
  /** Cuts what is sent into the pieces that arrive. Default: 4,096 bytes each over quic, whole over tcp. */
  readonly cut?: (bytes: Uint8Array) => Uint8Array[]
}

const silent = Object.assign(() => {}, {
  enabled: false,
  error: () => {},
  trace: () => {},
  newScope: () => silent
}) as unknown as Logger

let nextId = 0

/** One end of a pair. Everything above the wire is libp2p's own stream class; the wire is a chain of immediates. */
export class InMemoryStream extends AbstractStream {
  other: InMemoryStream | undefined
  readonly #options: PairOptions
  readonly manner: PairOptions['manner']
  /** While true, nothing sent here is taken: the transport is stuck. */
  stuck = false
  #held: (() => void)[] = []

  constructor(direction: 'inbound' | 'outbound', options: PairOptions) {
    super({ id: String(nextId++), direction, log: silent })
    this.#options = options
    this.manner = options.manner
  }

  sendData(data: Parameters<AbstractStream['sendData']>[0]): SendResult {
    // What is sent is read when it is delivered and not before, as by a transport that keeps what it was given.
    const bytes = data.subarray()
    this.#deliver(() => {
      for (const piece of this.#pieces(bytes.slice())) this.other?.onData(piece)
      if (this.#options.manner === 'quic') this.safeDispatchEvent('drain')
    })
    return { sentBytes: bytes.byteLength, canSendMore: this.#options.manner === 'tcp' }
  }

  sendReset(): void {
    this.#deliver(() => {
      if (this.#options.manner === 'tcp') this.other?.onRemoteReset()
      else this.other?.onRemoteCloseWrite()
    })
  }

  async sendCloseWrite(): Promise<void> {
    this.#deliver(() => this.other?.onRemoteCloseWrite())
  }

  async sendCloseRead(): Promise<void> {}
  sendPause(): void {}
  sendResume(): void {}

  unstick(): void {
    this.stuck = false
    for (const task of this.#held.splice(0)) setImmediate(task)
  }

  #pieces(bytes: Uint8Array): Uint8Array[] {
    if (this.#options.cut !== undefined) return this.#options.cut(bytes)
    if (this.#options.manner === 'tcp') return [bytes]
    const pieces = []
    for (let at = 0; at < bytes.length; at += 4096) pieces.push(bytes.slice(at, at + 4096))
    return pieces
  }

  #deliver(task: () => void): void {
    if (this.stuck) this.#held.push(task)
    else setImmediate(task)
  }
}

/** Two ends of one stream. */
export function inMemoryStreamPair(
  options: PairOptions = { manner: 'quic' }
): [outbound: InMemoryStream & Stream, inbound: InMemoryStream & Stream] {
  const outbound = new InMemoryStream('outbound', options)
  const inbound = new InMemoryStream('inbound', options)
  outbound.other = inbound
  inbound.other = outbound
  return [outbound, inbound]
}
