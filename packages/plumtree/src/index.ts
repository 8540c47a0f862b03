/**
 * @packageDocumentation
 *
 * Plumtree epidemic broadcast trees as a pure state machine.
 */
export {}
