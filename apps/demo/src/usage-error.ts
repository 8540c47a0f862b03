/** A mistake on the command line or in what it names: one sentence for the person, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Parses a whole number option. */
export function wholeNumber(text: string, option: string, from: number, to: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < from || value > to) {
    throw new UsageError(`${option} takes a whole number from ${from} to ${to}, got "${text}".`)
  }
  return value
}

/** The sentence for a mistake that `node:util` found while parsing options. */
export function optionSentence(error: unknown, usage: string): UsageError {
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  // What follows the first sentence is advice for programmers.
  const sentence = message.replace(/\. To specify.*$/u, '').replace(/\.$/u, '')
  return new UsageError(`${sentence}. Usage: ${usage}`)
}
