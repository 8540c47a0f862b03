/**
 * @packageDocumentation
 *
 * Set fingerprints and range-based set reconciliation.
 */
export {}
