/**
 * The ports on the platform: the system's clocks, unreferenced timers, cryptographic randomness and `node:crypto` hashing.
 *
 * @packageDocumentation
 */
import { createHmac, hash, randomFillSync } from 'node:crypto'
import type { Clock } from './clock.ts'
import type { Hash, Hmac } from './hash.ts'
import type { Ports } from './index.ts'
import type { Random } from './random.ts'
import { boundedDraw } from './seeded-random.ts'
import type { Timers } from './timers.ts'

/** `Date.now` and `performance.now`. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now()
}

/** Unreferenced `setTimeout`: a pending timer alone does not keep the process alive. `setImmediate` for no delay at all. */
export const systemTimers: Timers = {
  schedule(delayMs, task) {
    // A timeout of 0 is one of at least 1 ms; what wants to run next runs next. It stays referenced: an unreferenced one waits
    // until something else wakes the process, and one turn keeps nothing alive.
    if (delayMs <= 0) {
      const immediate = setImmediate(task)
      return { cancel: () => clearImmediate(immediate) }
    }
    const timeout = setTimeout(task, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  }
}

const POOL_BYTES = 4096
const pool = new DataView(new ArrayBuffer(POOL_BYTES))
let poolOffset = POOL_BYTES

function systemUint32(): number {
  if (poolOffset === POOL_BYTES) {
    randomFillSync(pool)
    poolOffset = 0
  }
  const word = pool.getUint32(poolOffset)
  poolOffset += 4
  return word
}

/** Cryptographic randomness, drawn from the system in blocks of 4 KiB. `bytes` never reads the shared block. */
export const systemRandom: Random = {
  uint32: systemUint32,
  float: () => ((systemUint32() >>> 5) * 67108864 + (systemUint32() >>> 6)) / 9007199254740992,
  below: bound => boundedDraw(bound, systemUint32),
  bytes: length => randomFillSync(new Uint8Array(length))
}

const SHA_256_BYTES = 32

/** SHA-256 in one call. The digest comes as one character a byte: measured, its way as a buffer costs twice the hashing. */
export const systemHash: Hash = bytes => {
  const text = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(SHA_256_BYTES)
  for (let i = 0; i < SHA_256_BYTES; i++) digest[i] = text.charCodeAt(i)
  return digest
}

/** HMAC-SHA-256. */
export const systemHmac: Hmac = (key, bytes) =>
  new Uint8Array(createHmac('sha256', key).update(bytes).digest())

/** All system ports in one object. */
export const systemPorts: Ports = {
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  hash: systemHash,
  hmac: systemHmac
}
