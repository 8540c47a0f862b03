/**
 * @packageDocumentation
 *
 * Bounded reading and writing of bytes, framing, and a strict CBOR profile for values.
 */
export {}
