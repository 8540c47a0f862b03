const kept: object[] = []

/**
 * Keeps one object of a class for ever. When the last one is collected, the engine forgets the code that it compiled for the
 * class: readers and writers live for one message, so every collection in a quiet moment would slow the next messages down
 * several times (measured on Node 24).
 */
export function keepShape(example: object): void {
  kept.push(example)
}
