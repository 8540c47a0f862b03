import type { ReplicaId } from './types.ts'

/** Bytes of a replica id. */
export const REPLICA_ID_BYTES = 8

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const PATTERN = /^[0-9a-f]{16}$/

/**
 * The replica id of 8 bytes. Draw them at random: a replica id must never be used by two stores, or twice by one.
 *
 * @throws RangeError when there are not 8.
 */
export function replicaIdOf(bytes: Uint8Array): ReplicaId {
  if (bytes.length !== REPLICA_ID_BYTES) throw new RangeError(`A replica id has 8 bytes, got ${bytes.length}`)
  let id = ''
  for (let i = 0; i < REPLICA_ID_BYTES; i++) id += HEX[bytes[i] as number]
  return id
}

/**
 * The 8 bytes of a replica id.
 *
 * @throws RangeError when it is not one.
 */
export function replicaIdBytes(id: ReplicaId): Uint8Array<ArrayBuffer> {
  if (!isReplicaId(id))
    throw new RangeError(`A replica id is 16 lowercase hexadecimal digits, got ${JSON.stringify(id)}`)
  const bytes = new Uint8Array(REPLICA_ID_BYTES)
  for (let i = 0; i < REPLICA_ID_BYTES; i++) bytes[i] = (nibble(id, i * 2) << 4) | nibble(id, i * 2 + 1)
  return bytes
}

/** Whether `id` is a replica id. */
export function isReplicaId(id: string): id is ReplicaId {
  return PATTERN.test(id)
}

function nibble(id: string, at: number): number {
  const unit = id.charCodeAt(at)
  return unit < 0x3a ? unit - 0x30 : unit - 0x57
}
