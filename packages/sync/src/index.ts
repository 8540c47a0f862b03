/**
 * @packageDocumentation
 *
 * Topic sync manager: one sync session per topic and peer, any sync protocol.
 */
export {}
