/**
 * @packageDocumentation
 *
 * A deterministic simulator: virtual time, seeded randomness, a faulty network and traces.
 */
export {}
