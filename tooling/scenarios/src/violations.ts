/** Most sentences a report lists; the first ones tell most. */
const VIOLATIONS_MAX = 20

/** A promise that did not hold, by the id under which the project lists it. */
export type InvariantId =
  | 'I11'
  | 'I12'
  | 'I13'
  | 'I14'
  | 'I15'
  | 'I17'
  | 'I18'
  /** Something was thrown. */
  | 'I19'

/** What checkers complain to: keeps the first few sentences, each with the id of its promise in front. */
export class Violations {
  readonly #sentences: string[] = []
  readonly #first: () => void
  #count = 0

  /** @param first called with the first complaint */
  constructor(first: () => void = () => undefined) {
    this.#first = first
  }

  get sentences(): readonly string[] {
    return this.#sentences
  }

  /** All complaints, those not kept included. */
  get count(): number {
    return this.#count
  }

  add(invariant: InvariantId, sentence: string): void {
    if (this.#count++ === 0) this.#first()
    if (this.#sentences.length < VIOLATIONS_MAX) this.#sentences.push(`${invariant} ${sentence}`)
  }
}

/** The id a sentence begins with. */
export function invariantOf(sentence: string): string {
  return sentence.split(' ', 1)[0] as string
}
