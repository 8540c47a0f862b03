/**
 * @packageDocumentation
 *
 * Topic swarms: runs HyParView and Plumtree over a session port.
 */
export {}
