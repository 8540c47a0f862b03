import { encodeUtf8 } from '@starling/codec'
import type { Hmac } from '@starling/ports'
import { TOKEN_BYTES } from './config.ts'
import type { PeerKey } from './ports.ts'

/**
 * What `from` shows `to` in place of a topic's name: only a peer that holds the name can compute it, it is of no use
 * between any other two peers, and it cannot be sent back to `from` to pretend that one holds the topic too. A name that can
 * be guessed can be tried: that hides nothing from a peer that knows it.
 */
export function topicToken(hmac: Hmac, topic: string, from: PeerKey, to: PeerKey): Uint8Array {
  const key = encodeUtf8(`starling topic\0${topic}`)
  return hmac(key, encodeUtf8(`${from}\0${to}`)).slice(0, TOKEN_BYTES)
}

/** A token as a key of a map. */
export function tokenText(token: Uint8Array): string {
  let text = ''
  for (const byte of token) text += byte.toString(16).padStart(2, '0')
  return text
}
