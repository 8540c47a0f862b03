/** Random bytes that look like what a decoder expects, and go wrong in the places where decoders do. */
export class Wild {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** An integer from 0 to `limit` − 1 (Mulberry32). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }

  /** An item of CBOR, mostly well formed: any major type, any size of head, lengths that are true or nearly so. */
  item(out: number[], depth: number): void {
    const major = depth > 0 ? this.below(8) : this.below(4)
    const count = this.below(major === 5 ? 4 : 6)
    switch (major) {
      case 0:
      case 1:
        this.#head(
          out,
          major,
          this.below(4) === 0 ? this.below(2 ** 32) * this.below(2 ** 21) : this.below(300)
        )
        break
      case 2:
        this.#head(out, major, this.#near(count))
        for (let i = 0; i < count; i++) out.push(this.below(256))
        break
      case 3:
        this.#text(out, count)
        break
      case 4:
        this.#head(out, major, this.#near(count))
        for (let i = 0; i < count; i++) this.item(out, depth - 1)
        break
      case 5:
        this.#head(out, major, this.#near(count))
        for (let i = 0; i < count; i++) {
          if (this.below(30) === 0) this.item(out, 0)
          else this.#text(out, this.below(3))
          this.item(out, depth - 1)
        }
        break
      case 6:
        this.#head(out, major, this.below(20) === 0 ? this.below(30) : 2 + this.below(2))
        this.#head(out, 2, count)
        for (let i = 0; i < count; i++) out.push(1 + this.below(255))
        break
      default:
        this.#simple(out)
    }
  }

  /** Fields as the field target reads them, mostly well formed. */
  fields(out: number[]): void {
    for (let left = this.below(6); left > 0; left--) {
      const kind = this.below(8)
      out.push(kind + 8 * this.below(32))
      const length = [2, 3, 4, 8, 0, 0, 0, 3][kind] as number
      if (kind === 4) this.varint(out, this.below(2 ** 32) * this.below(2 ** 21))
      else if (kind === 5 || kind === 6) this.bytes(out, this.below(110), kind === 6)
      else for (let i = 0; i < length; i++) out.push(kind === 7 ? 0x61 : this.below(256))
    }
  }

  /** A varint length, nearly always true, then bytes. */
  bytes(out: number[], length: number, ascii = false): void {
    this.varint(out, this.#near(length))
    for (let i = 0; i < length; i++) out.push(this.below(ascii ? 128 : 256))
  }

  varint(out: number[], value: number): void {
    for (let rest = value; ; rest = Math.floor(rest / 128)) {
      if (rest < 128) {
        out.push(rest)
        // Now and then longer than it must be.
        if (this.below(40) === 0) out.push((out.pop() as number) | 0x80, 0)
        return
      }
      out.push((rest % 128) | 0x80)
    }
  }

  /** UTF-8 of random code points, now and then surrogates or cut. */
  utf8(out: number[], characters: number): void {
    for (let i = 0; i < characters; i++) {
      const point = this.below([0x80, 0x800, 0x10000, 0x110000][this.below(4)] as number)
      if (point < 0x80) out.push(point)
      else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 63))
      else if (point < 0x10000)
        out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63))
      else {
        out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63))
        out.push(0x80 | ((point >> 6) & 63), 0x80 | (point & 63))
      }
    }
    if (this.below(40) === 0) out.pop()
  }

  /** Changes a few bytes: set, flipped, put in, taken out, a part doubled. */
  mutate(out: number[]): void {
    for (let left = this.below(3); left > 0; left--) {
      const at = this.below(out.length + 1)
      switch (this.below(5)) {
        case 0:
          out[at] = this.below(256)
          break
        case 1:
          out[at] = (out[at] ?? 0) ^ (1 << this.below(8))
          break
        case 2:
          out.splice(at, 0, this.below(256))
          break
        case 3:
          out.splice(at, 1 + this.below(3))
          break
        default:
          out.splice(at, 0, ...out.slice(at, at + this.below(8)))
      }
    }
  }

  #near(count: number): number {
    return this.below(60) === 0 ? Math.max(0, count + this.below(5) - 2) : count
  }

  #text(out: number[], characters: number): void {
    const text: number[] = []
    if (this.below(10) === 0) this.utf8(text, characters)
    else for (let i = 0; i < characters; i++) text.push(0x2e + this.below(60))
    this.#head(out, 3, this.#near(text.length))
    out.push(...text)
  }

  #simple(out: number[]): void {
    switch (this.below(6)) {
      case 0:
        out.push(0xf9, this.below(256), this.below(256))
        break
      case 1:
        out.push(0xfa, ...new Uint8Array(Float32Array.of(this.below(4000) / 64 - 20).buffer).toReversed())
        break
      case 2:
        out.push(0xfb, ...new Uint8Array(Float64Array.of(this.below(4000) / 37 - 20).buffer).toReversed())
        break
      case 3:
        out.push(this.below(10) === 0 ? 0xe0 + this.below(32) : 0xf4)
        break
      default:
        out.push(0xf5 + this.below(2))
    }
  }

  /** A head of the fewest bytes, now and then longer or of an indefinite length. */
  #head(out: number[], major: number, argument: number): void {
    const fewest =
      argument < 24 ? 0 : argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8
    const sizes = [0, 1, 2, 4, 8]
    const size = this.below(60) === 0 ? (sizes[this.below(5)] as number) : fewest
    if (this.below(200) === 0) out.push((major << 5) | 31)
    else if (size < fewest || size === 0) out.push((major << 5) | (argument % 24))
    else {
      out.push((major << 5) | (23 + sizes.indexOf(size)))
      for (let i = size - 1; i >= 0; i--) out.push(Math.floor(argument / 2 ** (8 * i)) % 256)
    }
  }
}
