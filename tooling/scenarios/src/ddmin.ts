/**
 * Delta debugging: the fewest parts with which something still fails, to the point where no single part can be left out.
 * Keeps the order. `fails` must be true for all parts; it is asked with fewer and fewer.
 */
export async function ddmin<T>(
  parts: readonly T[],
  fails: (some: readonly T[]) => boolean | Promise<boolean>
): Promise<readonly T[]> {
  let kept = parts
  if (kept.length > 0 && (await fails([]))) return []
  for (let pieces = 2; kept.length > 1;) {
    const size = Math.ceil(kept.length / pieces)
    let smaller: readonly T[] | undefined
    for (let start = 0; start < kept.length && smaller === undefined; start += size) {
      const rest = [...kept.slice(0, start), ...kept.slice(start + size)]
      if (await fails(rest)) smaller = rest
    }
    if (smaller !== undefined) {
      kept = smaller
      pieces = Math.max(2, pieces - 1)
    } else if (size === 1) return kept
    else pieces = Math.min(kept.length, pieces * 2)
  }
  return kept
}
