/**
 * @packageDocumentation
 *
 * Not a logger: the durable write-ahead store under a replicated map, on classic-level.
 */
export {}
