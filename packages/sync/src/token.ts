import { ByteWriter, encodeUtf8 } from '@starling/codec'
import type { Hmac } from '@starling/ports'
import { TOPIC_BYTES_MAX } from './config.ts'
import { HOST_TAG_BYTES } from './host-wire.ts'
import type { PeerKey } from './ports.ts'

const LABEL = 'starling sync topic 1'
const HOST_LABEL = 'starling sync host 1'

/**
 * What an opener shows instead of the topic's name: an HMAC, keyed by the name, over both peer ids in role order. A peer that
 * does not hold the topic learns nothing from it but that there is one, cannot use it towards anyone else, and cannot send it
 * back. A name that can be guessed can be confirmed by trying: topic names are not secrets.
 */
export function topicToken(hmac: Hmac, topic: string, opener: PeerKey, acceptor: PeerKey): Uint8Array {
  return hmac(encodeUtf8(topic), new ByteWriter().string(LABEL).string(opener).string(acceptor).finish())
}

/**
 * By what hosts of a topic recognise each other on a broadcast that all nodes hear. It is the same for all of them, so that other
 * nodes learn which peers have a topic in common, and not which.
 */
export function hostTag(hmac: Hmac, topic: string): Uint8Array {
  return hmac(encodeUtf8(topic), new ByteWriter().string(HOST_LABEL).finish()).slice(0, HOST_TAG_BYTES)
}

/** Refuses a name that is no topic. */
export function checkTopic(topic: string): void {
  if (typeof topic !== 'string' || !topic.isWellFormed()) {
    throw new TypeError('a topic must be a string without lone surrogates')
  }
  const bytes = encodeUtf8(topic).length
  if (bytes === 0 || bytes > TOPIC_BYTES_MAX) {
    throw new RangeError(`a topic has 1 to ${TOPIC_BYTES_MAX} bytes, got ${bytes}`)
  }
}
