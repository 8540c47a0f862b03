/** What a value may cost. */
export interface ValueLimits {
  /** Bytes of the whole encoding. */
  readonly bytesMax: number
  /** Arrays and maps around the innermost value. A number alone has depth 0, `[1]` has depth 1. */
  readonly depthMax: number
}

/**
 * The limits of a value unless the caller says otherwise: 64 KiB, nested 16 deep. Source: guess, in line with what
 * configuration stores allow; the depth keeps every recursion shallow.
 */
export const VALUE_LIMITS: ValueLimits = { bytesMax: 65_536, depthMax: 16 }

/** Keys of maps whose text is remembered in this process. Source: guess, more than the different keys most programs have. */
export const KNOWN_KEYS_MAX = 256

/** Bytes of a key up to which it is remembered. Source: guess; names are shorter. */
export const KNOWN_KEY_BYTES_MAX = 32

/**
 * Bytes of the buffer that writers in this process hand to each other. A larger one is not kept. Source: guess, the size of
 * the largest value by default.
 */
export const SPARE_BUFFER_BYTES_MAX = 65_536
