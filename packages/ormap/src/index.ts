/**
 * @packageDocumentation
 *
 * A true observed-remove map: per-replica items, pointwise merge, concurrent writes kept.
 */
export {}
