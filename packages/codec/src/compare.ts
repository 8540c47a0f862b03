/** Compares byte by byte as unsigned numbers; a prefix comes first. Negative, zero or positive, as `sort` wants it. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Whether two arrays hold the same bytes. Not constant in time: not for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0
}
