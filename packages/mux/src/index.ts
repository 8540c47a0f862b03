/**
 * Many protocols on one libp2p connection, told apart by a tag at the start of each stream, and framed channels with
 * credit-based flow control.
 *
 * @packageDocumentation
 */
export {
  DEFAULT_CONFIG,
  PROTOCOL,
  RESERVED_PREFIX,
  SMALL_WINDOW_BYTES,
  type MuxConfig,
  type MuxInit
} from './config.ts'
export {
  ChannelClosedError,
  ChannelOverrunError,
  ChannelProtocolError,
  ChannelQueueFullError,
  ChannelStalledError,
  ChannelTruncatedError,
  MuxStoppedError,
  NotConnectedError,
  OpenTimeoutError,
  StreamLimitError,
  StreamLostError,
  StreamRefusedError,
  TagTakenError
} from './errors.ts'
export type * from './types.ts'
