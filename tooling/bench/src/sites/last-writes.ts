/** A write as the plainest contenders keep and send it. */
export type Write = readonly [key: string, value: unknown, wallMs: number, counter: number, id: number]

/** Entries in which the last writer wins, by clock, counter and writer: the least a replicated map can do. */
export class LastWrites {
  readonly #writes = new Map<string, Write>()
  readonly #id: number
  #wallMs = 0
  #counter = 0

  /** @param id of this writer, by which two writes of one instant are told apart. */
  constructor(id: number) {
    this.#id = id
  }

  get size(): number {
    return this.#writes.size
  }

  /** A new write, which is not kept yet. */
  make(key: string, value: unknown): Write {
    const now = Date.now()
    this.#counter = now > this.#wallMs ? 0 : this.#counter + 1
    this.#wallMs = Math.max(now, this.#wallMs)
    return [key, value, this.#wallMs, this.#counter, this.#id]
  }

  /** Keeps a write. False when what is there is newer. */
  keep(write: Write): boolean {
    const known = this.#writes.get(write[0])
    if (known !== undefined && isNewer(known, write)) return false
    this.#writes.set(write[0], write)
    return true
  }

  values(): IterableIterator<Write> {
    return this.#writes.values()
  }
}

/** Cuts what arrives into lines. */
export class Lines {
  #rest = ''

  /** The lines that are complete with this piece. */
  take(text: string): readonly string[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }
}

function isNewer(a: Write, b: Write): boolean {
  for (const at of [2, 3, 4] as const) if (a[at] !== b[at]) return a[at] > b[at]
  return true
}
