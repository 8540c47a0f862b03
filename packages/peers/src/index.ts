/**
 * @packageDocumentation
 *
 * Not a peer store: keeps exactly one authenticated connection and one session per wanted peer.
 */
export {}
