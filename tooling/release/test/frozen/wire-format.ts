/** Bytes that two nodes, or two versions, must agree on. */
export interface WireFormat {
  /** The name of its file. */
  readonly name: string
  /** The page that describes it, below `docs/wire`, or a README. */
  readonly page: string
  /** Some of its bytes, as today's code writes them, by what they are examples of. */
  readonly write: () => Readonly<Record<string, Uint8Array>>
  /** What bytes say; throws for bytes that today's code cannot read. Absent where bytes say nothing: hashes and proofs. */
  readonly read?: (bytes: Uint8Array) => unknown
  /** Reads bytes and writes them again. */
  readonly rewrite?: (bytes: Uint8Array) => Uint8Array
}

/** The format of messages that are written and read one at a time. */
export function messages<T>(init: {
  readonly name: string
  readonly page: string
  readonly samples: Readonly<Record<string, T>>
  readonly encode: (message: T) => Uint8Array
  readonly decode: (bytes: Uint8Array) => T
}): WireFormat {
  const { name, page, samples, encode, decode } = init
  return {
    name,
    page,
    write: () => mapValues(samples, encode),
    read: decode,
    rewrite: bytes => encode(decode(bytes))
  }
}

export function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => U
): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** So many bytes that differ from each other. */
export function bytes(count: number, first = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (first + index * 7) & 0xff)
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

/** A message as plain JSON that is the same whenever the message is: bytes in hexadecimal, big numbers with an n, sets as lists. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: hex(value) }
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { number: Object.is(value, -0) ? '-0' : String(value) }
  }
  if (value === undefined) return { undefined: true }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return [...(value as Uint32Array)]
  if (value instanceof Map) return { map: [...value].map(plain) }
  return mapValues(value as Record<string, unknown>, plain)
}
