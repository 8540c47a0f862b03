import { SAMPLES_MAX, type Config } from './config.ts'
import type { Message, PeerInfo } from './types.ts'

/** Neighbours of another node that a message may list: a view of any size that makes sense. */
export const ACTIVE_LIST_MAX = 32

/** Most request ids of one link. */
export const LINK_IDS_MAX = 2

/**
 * Whether a message holds more than it may. The decoder refuses such bytes already; a machine that is driven with decoded
 * messages from elsewhere is as safe.
 */
export function exceedsLimits(message: Message, config: Config): boolean {
  const tooLong = (data: Uint8Array): boolean => data.length > config.dataBytesMax
  const tooMany = (list: readonly PeerInfo[], max: number): boolean =>
    list.length > max || list.some(info => tooLong(info.data))
  switch (message.type) {
    case 'join':
      return tooLong(message.data)
    case 'forwardJoin':
      return tooLong(message.peer.data)
    case 'neighbor':
      return tooLong(message.data) || message.active.length > ACTIVE_LIST_MAX
    case 'neighborReply':
      return tooLong(message.data) || tooMany(message.samples, SAMPLES_MAX)
    case 'disconnect':
      return message.links.length > LINK_IDS_MAX || tooMany(message.samples, SAMPLES_MAX)
    case 'replaced':
      return message.links.length > LINK_IDS_MAX || tooLong(message.by.data)
    case 'shuffle':
    case 'shuffleReply':
      break
  }
  const { entries, swap } = message
  const data = message.type === 'shuffle' ? message.origin.data : message.data
  return tooLong(data) || tooMany(entries, config.entriesMax) || (swap !== undefined && tooLong(swap.data))
}
