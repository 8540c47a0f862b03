// The parts of libp2p that are used here, as narrowly as they are used: what is measured is compiled without them.

declare module 'libp2p' {
  export function createLibp2p(options: unknown): Promise<unknown>
}

declare module '@chainsafe/libp2p-noise' {
  export function noise(): unknown
}

declare module '@chainsafe/libp2p-quic' {
  export function quic(): unknown
}

declare module '@chainsafe/libp2p-yamux' {
  export function yamux(): unknown
}

declare module '@libp2p/tcp' {
  export function tcp(): unknown
}

declare module '@multiformats/multiaddr' {
  export function multiaddr(address: string): unknown
}
