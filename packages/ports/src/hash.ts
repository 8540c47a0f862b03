/** Synchronous SHA-256: 32 bytes for any input. The input is read during the call and not kept. */
export type Hash = (bytes: Uint8Array) => Uint8Array<ArrayBuffer>

/** Synchronous HMAC-SHA-256: 32 bytes. */
export type Hmac = (key: Uint8Array, bytes: Uint8Array) => Uint8Array<ArrayBuffer>
