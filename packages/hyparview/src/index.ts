/**
 * HyParView membership as a pure state machine: each node keeps a small set of symmetric links and a larger reserve of
 * peers, and the overlay of all of them stays connected under joins, crashes and partitions.
 *
 * It opens no connection and sends nothing: a driver performs its outputs. It carries no application data; broadcast is
 * another machine's work. After "HyParView: a membership protocol for reliable gossip-based broadcast" (Leitão, Pereira,
 * Rodrigues, DSN 2007), with the deviations named in the sources.
 *
 * @example
 * ```ts
 * import { HyParView } from '@starling/hyparview'
 * import { seededRandom } from '@starling/ports'
 *
 * const machine = new HyParView({}, { self: 'a', random: seededRandom(1) })
 * const contact = { id: 'b', data: new Uint8Array(0) }
 * for (const output of machine.handle({ type: 'join', contacts: [contact] }, 0)) {
 *   console.log(output.type)   // schedule, send, schedule, schedule
 * }
 * ```
 *
 * @packageDocumentation
 */
export { DEFAULT_CONFIG, type Config } from './config.ts'
export { decodeMessage, encodeMessage, MESSAGE_BYTES_MAX } from './message-codec.ts'
export { HyParView, type HyParViewInit } from './state.ts'
export type {
  DisconnectMessage,
  DownReason,
  ForwardJoinMessage,
  Input,
  JoinMessage,
  Message,
  NeighborMessage,
  NeighborReplyMessage,
  Output,
  PeerInfo,
  PeerKey,
  RejectReason,
  ReplacedMessage,
  ShuffleMessage,
  ShuffleReplyMessage,
  Timer,
  WalkKind
} from './types.ts'
