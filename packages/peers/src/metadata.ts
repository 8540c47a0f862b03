import { compareBytes, encodeUtf8, type ByteReader, type ByteWriter } from '@starling/codec'
import { METADATA_BYTES_MAX, METADATA_KEY_BYTES_MAX, METADATA_PAIRS_MAX } from './config.ts'

/** What a node says of itself to its peers, for people and dashboards: texts by key. Nothing in it is proven. */
export type Metadata = Readonly<Record<string, string>>

/** A copy that can be sent. @throws TypeError for what is no record of texts, RangeError for too many or too long ones */
export function checkMetadata(metadata: Metadata): Metadata {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw new TypeError("metadata takes texts by key: { name: 'a' }")
  }
  const pairs = Object.entries(metadata)
  for (const [key, value] of pairs) {
    if (typeof value !== 'string' || !value.isWellFormed() || !key.isWellFormed()) {
      throw new TypeError(`metadata takes well-formed texts; the value of ${JSON.stringify(key)} is none`)
    }
    const length = encodeUtf8(key).length
    if (length === 0 || length > METADATA_KEY_BYTES_MAX) {
      throw new RangeError(`a key of metadata has 1 to ${METADATA_KEY_BYTES_MAX} bytes, got ${length}`)
    }
  }
  const bytes = pairs.reduce(
    (sum, [key, value]) => sum + encodeUtf8(key).length + encodeUtf8(value).length,
    0
  )
  if (pairs.length > METADATA_PAIRS_MAX || bytes > METADATA_BYTES_MAX) {
    throw new RangeError(
      `metadata has at most ${METADATA_PAIRS_MAX} keys and ${METADATA_BYTES_MAX} bytes, got ${pairs.length} and ${bytes}`
    )
  }
  return Object.fromEntries(pairs)
}

/** Pairs in the order of their keys' bytes. */
export function writeMetadata(writer: ByteWriter, metadata: Metadata): void {
  const pairs = Object.entries(metadata).map(([key, value]) => ({ key, value, bytes: encodeUtf8(key) }))
  pairs.sort((a, b) => compareBytes(a.bytes, b.bytes))
  writer.varint(pairs.length)
  for (const { key, value } of pairs) writer.string(key).string(value)
}

/** @throws DecodeError for pairs that no `writeMetadata` of checked metadata wrote. */
export function readMetadata(reader: ByteReader): Metadata {
  const pairs: [string, string][] = []
  let bytes = 0
  let before = new Uint8Array(0)
  for (let left = reader.varint(METADATA_PAIRS_MAX); left > 0; left--) {
    const key = reader.string(METADATA_KEY_BYTES_MAX)
    const keyBytes = encodeUtf8(key)
    // Ascending, so that one content has one form and no key comes twice; the first is above nothing, so it is not empty.
    if (compareBytes(keyBytes, before) <= 0) reader.fail('invalid', 'keys ascend')
    before = keyBytes
    const value = reader.string(METADATA_BYTES_MAX)
    bytes += keyBytes.length + encodeUtf8(value).length
    if (bytes > METADATA_BYTES_MAX) reader.fail('tooLong')
    pairs.push([key, value])
  }
  return Object.fromEntries(pairs)
}
