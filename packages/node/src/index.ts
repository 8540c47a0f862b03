/**
 * @packageDocumentation
 *
 * A Starling node in one call: libp2p, QUIC, a durable store and replicated maps, wired.
 */
export {}
