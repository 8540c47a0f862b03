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
