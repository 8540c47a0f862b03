/**
 * @packageDocumentation
 *
 * HyParView partial-view membership as a pure state machine.
 */
export {}
