/**
 * Plumtree epidemic broadcast trees as a pure state machine: payloads travel once along a tree that the nodes grow
 * themselves, ids travel along the other links and repair it.
 *
 * It is not a transport, not a membership protocol and not a guarantee: it takes neighbours from an overlay such as
 * HyParView, performs no input or output, reads no clock, and leaves what every link lost to reconciliation.
 *
 * J. Leitão, J. Pereira, L. Rodrigues: Epidemic Broadcast Trees, SRDS 2007.
 *
 * @example
 * ```ts
 * import { Plumtree, plumtreeConfig } from '@starling/plumtree'
 * import { systemPorts } from '@starling/ports/system'
 *
 * const tree = new Plumtree(plumtreeConfig(), systemPorts)
 * tree.handle({ type: 'neighborUp', peer: 'b' }, 0)
 * for (const output of tree.handle({ type: 'broadcast', payload: new Uint8Array([1]) }, 0)) {
 *   if (output.type === 'send') transmit(output.to, output.message)
 *   if (output.type === 'schedule') later(output.delayMs, output.timer)
 * }
 * ```
 *
 * @packageDocumentation
 */
export { decodeMessage, encodeMessage, type DecodedMessage, type MessageLimits } from './codec.ts'
export { defaultConfig, plumtreeConfig, type PlumtreeConfig } from './config.ts'
export { GOSSIP_OVERHEAD_BYTES, messageId } from './message-id.ts'
export { Plumtree, type PlumtreePorts } from './plumtree.ts'
export type { Counts, PlumtreeStats } from './stats.ts'
export type {
  Announcement,
  GossipMessage,
  GraftMessage,
  IHaveMessage,
  Input,
  Message,
  MessageId,
  Output,
  PeerKey,
  PruneMessage,
  RejectionReason,
  Timer,
  UnavailableMessage
} from './types.ts'
