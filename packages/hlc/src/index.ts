/**
 * @packageDocumentation
 *
 * A hybrid logical clock: 64-bit stamps close to wall time, bounded drift, restart-safe.
 */
export {}
