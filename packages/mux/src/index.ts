/**
 * @packageDocumentation
 *
 * A tag-preamble stream multiplexer on a libp2p connection, with credit-based flow control.
 */
export {}
