/**
 * @packageDocumentation
 *
 * Replication driver: log before apply before broadcast before acknowledgement, for any owner.
 */
export {}
