import { ByteReader, ByteWriter, DecodeError, encodeUtf8 } from '@starling/codec'
import { ADDRESSES_MAX, ADDRESS_BYTES_MAX } from './config.ts'

/** A peer's addresses as the opaque data that travels with it through the overlay; those that do not fit are left out, and none are no bytes. */
export function encodeAddresses(addresses: readonly string[], bytesMax: number): Uint8Array {
  const chosen: string[] = []
  let bytes = 1
  for (const address of addresses) {
    const length = encodeUtf8(address).length
    if (chosen.length === ADDRESSES_MAX || length > ADDRESS_BYTES_MAX || bytes + length + 2 > bytesMax)
      continue
    bytes += length + 2
    chosen.push(address)
  }
  if (chosen.length === 0) return new Uint8Array(0)
  const writer = new ByteWriter(bytes).varint(chosen.length)
  for (const address of chosen) writer.string(address)
  return writer.finish()
}

/** What a node listens on when it listens everywhere: nobody else can dial it, and here it would be this machine. */
const NOWHERE = /^\/(?:ip4\/0\.0\.0\.0|ip6\/(?:0*:)+0*)\//

/** The addresses in a peer's data, without those that lead nowhere; none when it cannot be read. They are claims: whoever answers there proves its identity. */
export function decodeAddresses(data: Uint8Array | undefined): string[] {
  if (data === undefined || data.length === 0) return []
  try {
    const reader = new ByteReader(data)
    const count = reader.varint(ADDRESSES_MAX)
    const addresses: string[] = []
    for (let i = 0; i < count; i++) addresses.push(reader.string(ADDRESS_BYTES_MAX))
    reader.end()
    return addresses.filter(address => !NOWHERE.test(address))
  } catch (error) {
    if (error instanceof DecodeError) return []
    throw error
  }
}
